// What tokens cost: the table that comes with the program, and the prices of the project's own that win over it.
import { Button, TextInput } from '@mantine/core';
import { type ChangeEvent, type FormEvent, useId, useState } from 'react';
import type { Price } from '../api/types';
import { text } from '../lib/text';
import {
  dollarsOf,
  NO_PRICE,
  type PriceDraft,
  priceDraft,
  pricedKinds,
  priceOf,
  rivalOf,
  sinceOf,
  tokensOf,
  withPrice,
} from '../model/prices';
import { RARE_TOKENS, type TokenKind, USUAL_TOKENS } from '../model/tokens';
import { useFacet } from '../state/queries';
import { usePrices, useSetPrices } from '../state/settings';
import { ConfirmButton } from './confirm-button';
import { boundsOf } from './cost-origin';
import { ErrorState } from './error-state';
import classes from './form.module.css';
import { Loading } from './loading';
import { Problem } from './problem';
import { TableFrame } from './table-frame';

const words = text.settings.prices;

export function SettingsPrices() {
  const { data, error, refetch } = usePrices();
  const set = useSetPrices();
  const [changing, setChanging] = useState<Price | null>(null);
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  const { own, table, followed } = data;
  return (
    <>
      <section className={classes.card} aria-labelledby="own-prices">
        <h2 id="own-prices">{words.own}</h2>
        <p className={classes.help}>{own.length > 0 ? words.ownHelp : words.none}</p>
        {!followed && (
          <p className={classes.done} role="status">
            {words.following}
          </p>
        )}
        {own.length > 0 && (
          <OwnPrices
            own={own}
            onChange={setChanging}
            onRemove={(price) => set.mutate(own.filter((each) => each !== price))}
          />
        )}
        <Problem error={set.error} />
      </section>
      <PriceForm
        key={changing ? JSON.stringify(changing) : 'new'}
        first={changing ? priceDraft(changing) : NO_PRICE}
        hasRival={(price) => rivalOf(own, price, changing) !== undefined}
        busy={set.isPending}
        onCancel={changing ? () => setChanging(null) : undefined}
        onSave={(price) => set.mutateAsync(withPrice(own, price, changing)).then(() => setChanging(null))}
      />
      <section className={classes.card} aria-labelledby="price-table">
        <h2 id="price-table">{words.table}</h2>
        <p className={classes.help}>
          {words.tableHelp(table.prices.toLocaleString('en-US'), table.source, table.version, table.date)}{' '}
          <a href={table.url} target="_blank" rel="noreferrer">
            {words.tableSource}
          </a>
        </p>
      </section>
    </>
  );
}

interface OwnProps {
  own: Price[];
  onChange: (price: Price) => void;
  onRemove: (price: Price) => void;
}

function OwnPrices({ own, onChange, onRemove }: OwnProps) {
  const { columns } = words;
  const kinds = pricedKinds(own);
  return (
    <TableFrame
      label={words.own}
      columns={[columns.model, columns.provider, ...kinds.map((kind) => ({ name: columns[kind], hint: words.unit }))]}
      actions
    >
      {own.map((price) => (
        <tr key={JSON.stringify(price)} data-price={price.model}>
          <td className={classes.wrap}>
            <code>{price.model}</code>
            {boundsOf(price).map((bound) => (
              <div key={bound} className={classes.bound}>
                {bound}
              </div>
            ))}
          </td>
          <td className={classes.wrap}>{price.provider ?? words.any}</td>
          {kinds.map((kind) => (
            <td key={kind}>{price[kind] == null ? '–' : `$${price[kind]}`}</td>
          ))}
          <td>
            <div className={classes.actions}>
              <Button size="xs" variant="default" onClick={() => onChange(price)}>
                {words.change}
              </Button>
              <ConfirmButton
                label={words.remove}
                title={words.removeTitle}
                help={words.removeHelp(price.model)}
                onConfirm={() => onRemove(price)}
              />
            </div>
          </td>
        </tr>
      ))}
    </TableFrame>
  );
}

interface FormProps {
  first: PriceDraft;
  busy: boolean;
  /** Whether there is another price of the same calls. */
  hasRival: (price: Price) => boolean;
  /** Given where a price is changed, and not a new one set. */
  onCancel?: (() => void) | undefined;
  onSave: (price: Price) => Promise<void>;
}

function PriceForm({ first, busy, hasRival, onCancel, onSave }: FormProps) {
  const [draft, setDraft] = useState(first);
  const models = useFacet('model', true, { of: 'spans', limit: 100 }).data?.items ?? [];
  const list = useId();
  const price = priceOf(draft);
  const rival = price !== null && hasRival(price);
  // A new price takes the place of the one that is there; of two that there are, none is lost by itself.
  const ready = price !== null && !(rival && onCancel);
  const field = (name: keyof PriceDraft) => ({
    label: words.columns[name],
    value: draft[name],
    onChange: (event: ChangeEvent<HTMLInputElement>) => {
      const { value } = event.currentTarget;
      setDraft((before) => ({ ...before, [name]: value }));
    },
  });
  const dollars = (kind: TokenKind) => (
    <TextInput
      key={kind}
      {...field(kind)}
      inputMode="decimal"
      w={116}
      error={Number.isNaN(dollarsOf(draft[kind])) && words.noPrice}
    />
  );
  const save = (event: FormEvent) => {
    event.preventDefault();
    // What the server refuses is told above, and what was typed stays.
    if (price && ready)
      void onSave(price).then(
        () => setDraft(NO_PRICE),
        () => undefined,
      );
  };
  return (
    <section className={classes.card} aria-labelledby="price-form">
      <h2 id="price-form">{words.add}</h2>
      <p className={classes.help}>
        {words.addHelp} {words.unit}.
      </p>
      <form onSubmit={save}>
        <div className={classes.row}>
          <TextInput {...field('model')} list={list} required />
          <datalist id={list}>
            {models.map(({ value }) => (
              <option key={value} value={value} />
            ))}
          </datalist>
          <TextInput {...field('provider')} placeholder={words.any} w={130} />
          {USUAL_TOKENS.map(dollars)}
        </div>
        <details className={classes.rare} open={first.since !== '' || first.above !== ''}>
          <summary>{words.bounds}</summary>
          <p className={classes.help}>{words.boundsHelp}</p>
          <div className={classes.row}>
            <TextInput
              {...field('since')}
              placeholder={words.always}
              w={230}
              error={sinceOf(draft.since) === undefined && words.noTime}
            />
            <TextInput
              {...field('above')}
              placeholder={words.any}
              inputMode="numeric"
              w={190}
              error={Number.isNaN(tokensOf(draft.above)) && words.noTokens}
            />
          </div>
        </details>
        <details className={classes.rare} open={RARE_TOKENS.some((kind) => first[kind] !== '')}>
          <summary>{words.rare}</summary>
          <p className={classes.help}>{words.rareHelp}</p>
          <div className={classes.row}>{RARE_TOKENS.map(dollars)}</div>
        </details>
        {rival && (
          <p className={onCancel ? classes.problem : classes.help} role="status">
            {onCancel ? words.rival : words.replaces}
          </p>
        )}
        <div className={classes.row}>
          {onCancel && (
            <Button variant="default" onClick={onCancel}>
              {text.settings.cancel}
            </Button>
          )}
          <Button type="submit" loading={busy} disabled={!ready}>
            {words.save}
          </Button>
        </div>
      </form>
    </section>
  );
}
