// The project's dashboards.
import { api } from '../api/client';
import type { Dashboard } from '../api/types';
import { type KeptList, useChangeKept, useKept } from './kept';

const DASHBOARDS: KeptList<Dashboard> = { name: 'dashboards', read: api.dashboards, write: api.setDashboards };

export function useDashboards() {
  return useKept(DASHBOARDS);
}

export function useChangeDashboards() {
  return useChangeKept(DASHBOARDS);
}
