// The form of a chart: of what, which measure, parted by what, drawn how; with the chart itself below, as it will be.
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { type FormEvent, useId, useMemo, useState } from 'react';
import type { DashboardChart } from '../api/types';
import { text } from '../lib/text';
import {
  type ChartDraft,
  chartOf,
  LISTS,
  type ListName,
  MEASURES,
  type MeasureName,
  needsField,
  SHOWN_AS,
} from '../model/dashboards';
import classes from '../pages/analytics.module.css';
import type { AnalyticsView } from '../state/analytics-view';
import { DashboardChartView, fieldName } from './dashboard-chart';
import formClasses from './form.module.css';

const words = text.boards;
/** How long the preview waits while somebody types. */
const REST_MS = 400;
const NUMBERS = ['duration_ms', 'cost', 'usage.total', 'usage.input', 'usage.output', 'usage.cache_read', 'turns'];
const GROUPS = ['model', 'channel_id', 'user_id', 'session_id', 'kind', 'name', 'status', 'status_message', 'provider'];

interface Props {
  first: ChartDraft;
  view: AnalyticsView;
  busy: boolean;
  onSave: (chart: DashboardChart) => void;
  onCancel: () => void;
}

function choices<T extends string>(values: readonly T[], labels: Record<T, string>) {
  return values.map((value) => ({ value, label: labels[value] }));
}

export function ChartForm({ first, view, busy, onSave, onCancel }: Props) {
  const [draft, setDraft] = useState(first);
  const list = useId();
  const set = (part: Partial<ChartDraft>) => setDraft((before) => ({ ...before, ...part }));
  const chart = chartOf(draft);
  const [rested] = useDebouncedValue(draft, REST_MS);
  const preview = useMemo(() => chartOf(rested), [rested]);
  const save = (event: FormEvent) => {
    event.preventDefault();
    if (chart) onSave(chart);
  };
  return (
    <section className={formClasses.card} aria-label={words.chart}>
      <form className={formClasses.row} onSubmit={save}>
        <TextInput
          label={words.fields.title}
          value={draft.title}
          onChange={(event) => set({ title: event.currentTarget.value })}
          data-autofocus
          required
        />
        <NativeSelect
          label={words.fields.of}
          value={draft.of}
          data={choices(LISTS, words.lists)}
          onChange={(event) => set({ of: event.currentTarget.value as ListName })}
        />
        <NativeSelect
          label={words.fields.measure}
          value={draft.measure}
          data={choices(MEASURES, words.measures)}
          onChange={(event) => set({ measure: event.currentTarget.value as MeasureName })}
        />
        {needsField(draft.measure) && (
          <TextInput
            label={words.fields.field}
            value={draft.field}
            list={`${list}-numbers`}
            onChange={(event) => set({ field: event.currentTarget.value })}
            required
          />
        )}
        <TextInput
          label={words.fields.by}
          placeholder={words.nothing}
          value={draft.by}
          list={`${list}-groups`}
          onChange={(event) => set({ by: event.currentTarget.value })}
        />
        <TextInput
          label={words.fields.q}
          placeholder={words.all}
          value={draft.q}
          onChange={(event) => set({ q: event.currentTarget.value })}
        />
        <NativeSelect
          label={words.fields.shownAs}
          value={draft.shownAs}
          data={choices(SHOWN_AS, words.shownAs)}
          onChange={(event) => set({ shownAs: event.currentTarget.value as ChartDraft['shownAs'] })}
        />
        <Button variant="default" onClick={onCancel}>
          {text.settings.cancel}
        </Button>
        <Button type="submit" loading={busy} disabled={!chart}>
          {words.save}
        </Button>
        <Options id={`${list}-numbers`} values={draft.measure === 'distinct' ? GROUPS : NUMBERS} />
        <Options id={`${list}-groups`} values={GROUPS} />
      </form>
      {preview && (
        <div className={classes.preview}>
          <DashboardChartView chart={preview} view={view} />
        </div>
      )}
    </section>
  );
}

function Options({ id, values }: { id: string; values: readonly string[] }) {
  return (
    <datalist id={id}>
      {values.map((value) => (
        <option key={value} value={value} label={fieldName(value)} />
      ))}
    </datalist>
  );
}
