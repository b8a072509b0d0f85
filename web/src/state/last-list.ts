// The filters the reader last had, so that the way back from a conversation leads to the same list.
import type { ListSearch } from '../router';

let last: ListSearch = {};

export function rememberList(search: ListSearch): void {
  last = search;
}

export function lastList(): ListSearch {
  return last;
}
