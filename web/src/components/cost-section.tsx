// Where the cost of a step is from: who told it or which price was applied, and what each kind of its tokens comes to. Read when it
// is opened.
import { useState } from 'react';
import type { CostPart, SpanDetail, SpanExplained } from '../api/types';
import { text } from '../lib/text';
import { lacksPrice } from '../model/figures';
import { formatCost } from '../model/format';
import { useExplained } from '../state/explained';
import { CostOrigin, SetPrice } from './cost-origin';
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
  const { data, error } = useExplained({ trace: trace_id }, open);
  if (usage == null && cost == null) return null;
  const explained = data?.[0]?.spans.find((each) => each.span_id === span_id);
  return (
    <SectionFrame name="cost" title={words.title} open={open} onToggle={() => setOpen(!open)}>
      <Problem error={error} />
      {!data && !error && <Loading />}
      {data && (explained ? <Explained span={explained} /> : <p className={classes.help}>{words.nothing}</p>)}
    </SectionFrame>
  );
}

function Explained({ span }: { span: SpanExplained }) {
  const parts = span.price?.parts ?? [];
  return (
    <>
      <p className={classes.help}>
        <CostOrigin span={span} />
        {lacksPrice(span) && (
          <>
            {' '}
            <SetPrice />
          </>
        )}
      </p>
      {parts.length > 0 && <Parts parts={parts} />}
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
