// Where the cost of a step is from: who told it or which price was applied, and what each kind of its tokens comes to. Read when it
// is opened.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../api/client';
import type { CostPart, SpanDetail, SpanExplained } from '../api/types';
import { text } from '../lib/text';
import { formatCost } from '../model/format';
import { useSession } from '../state/queries';
import { Loading } from './loading';
import { Problem } from './problem';
import { SectionFrame } from './section';
import classes from './step-extras.module.css';
import tableClasses from './table.module.css';
import { TableFrame } from './table-frame';

const words = text.step.explained;
const kinds = text.step.tokenKinds;

export function CostSection({ span }: { span: SpanDetail }) {
  const { trace_id, span_id, usage, cost } = span;
  const [open, setOpen] = useState(false);
  const { data, error } = useQuery({
    // Among the queries of steps, which are asked again when the trace goes on.
    queryKey: ['span', trace_id, '', 'explain'],
    queryFn: ({ signal }) => api.explain(trace_id, signal),
    enabled: open,
  });
  if (usage == null && cost == null) return null;
  const explained = data?.spans.find((each) => each.span_id === span_id);
  return (
    <SectionFrame name="cost" title={words.title} open={open} onToggle={() => setOpen(!open)}>
      <Problem error={error} />
      {!data && !error && <Loading />}
      {data && (explained ? <Explained span={explained} /> : <p className={classes.help}>{words.nothing}</p>)}
    </SectionFrame>
  );
}

function Explained({ span: { price, cost_source, cost_reason, cost_counted, no_cost } }: { span: SpanExplained }) {
  const isAdmin = useSession().data?.scope === 'admin';
  const lacksPrice = no_cost === 'no_price' || no_cost === 'incomplete_price';
  return (
    <>
      <p className={classes.help}>
        {no_cost ? words.none[no_cost] : cost_source ? words.sources[cost_source] : words.nothing}
        {price && ` ${words.by(price.price.model)}`}
        {cost_source && !cost_counted && ` (${text.step.counted[cost_reason]})`}
        {lacksPrice && isAdmin && (
          <>
            {' '}
            <Link to="/settings" search={{ tab: 'prices' }} className={classes.link}>
              {words.set}
            </Link>
          </>
        )}
      </p>
      {price && price.parts.length > 0 && <Parts parts={price.parts} />}
    </>
  );
}

function Parts({ parts }: { parts: CostPart[] }) {
  const { columns } = words;
  return (
    <TableFrame
      label={words.title}
      columns={[columns.of, columns.tokens, columns.price, columns.cost]}
      styles={tableClasses}
    >
      {parts.map(({ tokens_of, priced_as, tokens, per_million, cost }) => (
        <tr key={tokens_of} data-part={tokens_of}>
          <th scope="row">
            {kinds[tokens_of]}
            {priced_as !== tokens_of && <div className={classes.counted}>{words.pricedAs(kinds[priced_as])}</div>}
          </th>
          <td>{tokens.toLocaleString('en-US')}</td>
          <td>${per_million}</td>
          <td>{formatCost(cost)}</td>
        </tr>
      ))}
    </TableFrame>
  );
}
