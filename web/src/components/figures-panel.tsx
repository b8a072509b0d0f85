// Why the totals of a conversation or trace are what they are: the steps that they are the sums of, and what is not in them.
import { Fragment, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import type { TraceExplained, Usage } from '../api/types';
import { text } from '../lib/text';
import { type Figure, figuresOf, lacksPrice, originsOf, sumOf, whyNot } from '../model/figures';
import { formatCost, plural, totalTokens } from '../model/format';
import type { StepRef } from '../model/outline';
import { PARTS } from '../model/tokens';
import { type Totalled, useExplained } from '../state/explained';
import { usePrices } from '../state/settings';
import { CloseButton } from './close-button';
import { CostOrigin, SetPrice } from './cost-origin';
import headClasses from './details-panel.module.css';
import { ErrorState } from './error-state';
import classes from './figures-panel.module.css';
import { kindName } from './kind-icon';
import { Loading } from './loading';
import { SectionFrame } from './section';
import panelClasses from './step-panel.module.css';
import tableClasses from './table.module.css';
import { TableFrame } from './table-frame';

/** Steps of a list that are shown; there may be very many, and the dearest say the most. */
const SHOWN = 200;
const words = text.figures;
const kinds = text.step.tokenKinds;

interface Props {
  of: Totalled;
  onSelect: (step: StepRef) => void;
  onClose: () => void;
}

export function FiguresPanel({ of, onSelect, onClose }: Props) {
  const { data, error, refetch } = useExplained(of);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
  }, []);
  return (
    <section className={panelClasses.panel} aria-label={words.title}>
      <div className={headClasses.head}>
        <h2 ref={heading} tabIndex={-1}>
          {words.title}
        </h2>
        <CloseButton label={words.close} title={`${words.close} (Esc)`} onClose={onClose} />
      </div>
      <div className={panelClasses.scroll} tabIndex={0} role="group" aria-label={words.title}>
        {data ? (
          <Explained traces={data} onSelect={onSelect} />
        ) : error ? (
          <ErrorState error={error} onRetry={() => void refetch()} />
        ) : (
          <div className={classes.body}>
            <Loading />
          </div>
        )}
      </div>
    </section>
  );
}

function Explained({ traces, onSelect }: { traces: TraceExplained[]; onSelect: Props['onSelect'] }) {
  const { counted, unpriced, leftOut } = useMemo(() => figuresOf(traces), [traces]);
  const sum = useMemo(() => sumOf(traces), [traces]);
  const tokens = totalTokens(sum.usage);
  return (
    <>
      <div className={classes.body}>
        <p className={classes.help}>{counted.length > 0 ? words.help : words.nothing}</p>
        {unpriced.length > 0 && (
          <p className={classes.low} role="note">
            {words.tooLow(plural(unpriced.length, 'step'))}{' '}
            {unpriced.some(({ span }) => lacksPrice(span)) && <SetPrice />}
          </p>
        )}
        {counted.length > 0 && (
          <FigureTable label={words.counted} figures={counted} onSelect={onSelect}>
            <tr className={classes.sum} data-sum>
              <th scope="row">
                {words.sum(plural(counted.length, 'step'))}
                {tokens !== null && <div className={classes.part}>{text.tokens(tokens.toLocaleString('en-US'))}</div>}
              </th>
              <Numbers {...sum} />
            </tr>
          </FigureTable>
        )}
        <Origins figures={counted} />
        {counted.some(({ span }) => span.cost_source === 'price_table') && <PriceTable />}
      </div>
      <Folded
        name="unpriced"
        label={words.unpriced}
        figures={unpriced}
        note={({ span }) => <CostOrigin span={span} />}
        onSelect={onSelect}
      />
      <Folded
        name="left-out"
        label={words.leftOut}
        figures={leftOut}
        note={(figure) =>
          whyNot(figure)
            .map((reason) => words.whyNot[reason])
            .join('; ')
        }
        onSelect={onSelect}
      />
    </>
  );
}

/** Where the figures that count are from, of each model once. */
function Origins({ figures }: { figures: readonly Figure[] }) {
  const origins = useMemo(() => originsOf(figures), [figures]);
  return (
    <ul className={classes.origins}>
      {origins.map(({ key, span, rates }) => (
        <li key={key}>
          <strong>{span.model ?? words.noModel}</strong> <CostOrigin span={span} />
          {rates.length > 0 &&
            ` ${words.rates(rates.map(({ of, perMillion }) => `${kinds[of]} $${perMillion}`).join(', '))}`}
          {span.usage_reason === 'only_report' && ` (${text.step.counted.only_report})`}
        </li>
      ))}
    </ul>
  );
}

/** Which table the prices are of, and its date. */
function PriceTable() {
  const table = usePrices().data?.table;
  if (!table) return null;
  const count = table.prices.toLocaleString('en-US');
  return (
    <p className={classes.help}>
      {text.settings.prices.table}: {text.settings.prices.tableHelp(count, table.source, table.version, table.date)}
    </p>
  );
}

interface ListProps {
  label: string;
  figures: readonly Figure[];
  /** What is said of each below it. */
  note?: (figure: Figure) => ReactNode;
  onSelect: Props['onSelect'];
  /** Rows after all others. */
  children?: ReactNode;
}

function Folded({ name, ...list }: ListProps & { name: string }) {
  const [open, setOpen] = useState(false);
  const { label, figures } = list;
  if (figures.length === 0) return null;
  return (
    <SectionFrame name={name} title={label} count={figures.length} open={open} onToggle={() => setOpen(!open)}>
      <FigureTable {...list} />
    </SectionFrame>
  );
}

function FigureTable({ label, figures, note, onSelect, children }: ListProps) {
  const { columns } = words;
  const rest = useMemo(() => figures.slice(SHOWN), [figures]);
  const sumOfRest = useMemo(() => sumOf(rest), [rest]);
  return (
    <div className={classes.table}>
      <TableFrame
        label={label}
        columns={[columns.step, columns.input, columns.output, columns.cost]}
        styles={tableClasses}
      >
        {figures.slice(0, SHOWN).map((figure) => {
          const { traceId, span, ...numbers } = figure;
          return (
            <Fragment key={`${traceId}/${span.span_id}`}>
              <tr data-figure={span.span_id}>
                <th scope="row">
                  <button
                    type="button"
                    className={tableClasses.open}
                    onClick={() => onSelect({ traceId, stepId: span.span_id })}
                  >
                    {span.name ?? (span.kind ? kindName(span.kind) : span.span_id)}
                  </button>
                  {span.model && <div className={classes.part}>{span.model}</div>}
                </th>
                <Numbers {...numbers} />
              </tr>
              {note && (
                <tr className={classes.note}>
                  <td colSpan={4}>{note(figure)}</td>
                </tr>
              )}
            </Fragment>
          );
        })}
        {rest.length > 0 && (
          <tr data-rest>
            <th scope="row">{words.rest(rest.length.toLocaleString('en-US'))}</th>
            <Numbers {...sumOfRest} />
          </tr>
        )}
        {children}
      </TableFrame>
    </div>
  );
}

function Numbers({ usage, cost }: Pick<Figure, 'usage' | 'cost'>) {
  return (
    <>
      <Tokens usage={usage} of="input" />
      <Tokens usage={usage} of="output" />
      <td>{cost === null ? '–' : formatCost(cost)}</td>
    </>
  );
}

/** Tokens in or out, and what of them is told apart. */
function Tokens({ usage, of }: { usage: Usage | null; of: 'input' | 'output' }) {
  const parts = PARTS[of].map((kind) => ({ kind, count: usage?.[kind] ?? 0 })).filter(({ count }) => count > 0);
  return (
    <td>
      {usage?.[of]?.toLocaleString('en-US') ?? '–'}
      {parts.map(({ kind, count }) => (
        <div key={kind} className={classes.part}>
          {kinds[kind]} {count.toLocaleString('en-US')}
        </div>
      ))}
    </td>
  );
}
