// What was received of a step, message by message and as it was understood; read when it is opened.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/client';
import type { SpanDetail } from '../api/types';
import { text } from '../lib/text';
import { pretty } from '../model/content';
import { formatAbsolute, plural } from '../model/format';
import { parseTime } from '../model/time';
import { CopyButton } from './copy-button';
import { JsonTree } from './json-tree';
import { Loading } from './loading';
import { Problem } from './problem';
import { SectionFrame } from './section';
import classes from './step-extras.module.css';

const words = text.patches;

export function PatchesSection({ span }: { span: SpanDetail }) {
  const [open, setOpen] = useState(false);
  const { data, error } = useQuery({
    queryKey: ['span', span.trace_id, span.span_id, 'patches'],
    queryFn: ({ signal }) => api.patches(span.trace_id, span.span_id, signal),
    enabled: open,
  });
  return (
    <SectionFrame
      name="patches"
      title={words.title}
      count={data?.items.length}
      open={open}
      onToggle={() => setOpen(!open)}
      actions={data && <CopyButton value={() => pretty(data.items)} label={`${text.content.copy}: ${words.title}`} />}
    >
      {data && <p className={classes.help}>{words.help(plural(data.items.length, 'message'))}</p>}
      {!data && !error && <Loading />}
      <Problem error={error} />
      <div className={classes.stack}>
        {data?.items.map(({ patch, received_at }, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: what was received never changes place
          <div key={at} className={classes.card} data-patch={at}>
            <div className={classes.eventHead}>
              <strong>{words.number(at + 1)}</strong>
              <span>{formatAbsolute(parseTime(received_at))}</span>
            </div>
            <JsonTree value={patch} openDepth={1} bare />
          </div>
        ))}
      </div>
    </SectionFrame>
  );
}
