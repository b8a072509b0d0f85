// What the address of a list asks the server for.
import type { ConversationFilter } from '../api/client';
import { text } from '../lib/text';
import { sinceTime } from '../model/period';
import type { ListSearch } from '../router';

export function filterOf(search: ListSearch, now: number): ConversationFilter {
  return {
    q: search.q,
    channel_id: search.channel,
    user_id: search.user,
    model: search.model,
    status: search.status,
    after: search.after ?? sinceTime(search.since, now),
    before: search.before,
  };
}

/** The order of the list, which the counts beside it know nothing of. */
export function orderOf(search: ListSearch): ConversationFilter {
  return search.sort && Object.hasOwn(text.list.orders, search.sort) ? { sort: search.sort } : {};
}
