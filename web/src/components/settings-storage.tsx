// What is kept and what takes up the disk.
import { Button, NumberInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { Disk } from '../api/types';
import { bytesText } from '../lib/bytes';
import { text } from '../lib/text';
import { useDisk, useRetention, useSetRetention } from '../state/settings';
import { ErrorState } from './error-state';
import classes from './form.module.css';
import { Loading } from './loading';
import { Problem } from './problem';

const words = text.settings;
const GIB = 1024 ** 3;

export function SettingsStorage() {
  const disk = useDisk();
  return (
    <>
      <section className={classes.card} aria-labelledby="disk">
        <h2 id="disk">{words.disk}</h2>
        {disk.data ? (
          <DiskUse disk={disk.data} />
        ) : disk.error ? (
          <ErrorState error={disk.error} onRetry={() => void disk.refetch()} />
        ) : (
          <Loading />
        )}
      </section>
      <RetentionForm />
    </>
  );
}

function DiskUse({ disk }: { disk: Disk }) {
  const { causes } = words;
  const parts = [
    { name: causes.record, bytes: disk.project.record, colour: 'hsl(172 60% 38%)' },
    { name: causes.content, bytes: disk.project.content, colour: 'hsl(210 60% 50%)' },
    { name: causes.index, bytes: disk.project.index, colour: 'hsl(265 45% 58%)' },
    { name: causes.obsolete, bytes: disk.index_obsolete, colour: 'hsl(32 75% 52%)' },
    { name: causes.projects, bytes: disk.other_projects, colour: 'hsl(330 45% 55%)' },
    { name: causes.other, bytes: disk.other, colour: 'hsl(200 10% 55%)' },
    { name: causes.free, bytes: disk.free, colour: 'var(--nt-line-strong)' },
  ];
  const sum = Math.max(
    1,
    parts.reduce((total, part) => total + part.bytes, 0),
  );
  return (
    <>
      <p className={classes.help}>{words.diskHelp(bytesText(disk.total), disk.project.name)}</p>
      <div className={classes.bar} aria-hidden>
        {parts.map((part) => (
          <span
            key={part.name}
            style={{ '--c': part.colour, width: `${(part.bytes / sum) * 100}%` } as React.CSSProperties}
          />
        ))}
      </div>
      <dl className={classes.legend}>
        {parts.map((part) => (
          <div key={part.name}>
            <span className={classes.swatch} style={{ '--c': part.colour } as React.CSSProperties} aria-hidden />
            <dt>{part.name}</dt>
            <dd>{bytesText(part.bytes)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function RetentionForm() {
  const { data, error } = useRetention();
  const set = useSetRetention();
  const [days, setDays] = useState<number | string>('');
  const [size, setSize] = useState<number | string>('');
  useEffect(() => {
    if (!data) return;
    setDays(data.max_age_days ?? '');
    setSize(data.max_bytes == null ? '' : Number((data.max_bytes / GIB).toFixed(3)));
  }, [data]);
  return (
    <section className={classes.card} aria-labelledby="retention">
      <h2 id="retention">{words.retention}</h2>
      <p className={classes.help}>{words.retentionHelp}</p>
      <form
        className={classes.row}
        onSubmit={(event) => {
          event.preventDefault();
          set.mutate({
            max_age_days: days === '' ? null : Number(days),
            max_bytes: size === '' ? null : Math.round(Number(size) * GIB),
          });
        }}
      >
        <NumberInput
          label={words.maxDays}
          placeholder={words.unlimited}
          value={days}
          onChange={setDays}
          min={1}
          max={36_500}
          allowDecimal={false}
          hideControls
        />
        <NumberInput
          label={words.maxSize}
          placeholder={words.unlimited}
          value={size}
          onChange={setSize}
          min={0.001}
          hideControls
        />
        <Button type="submit" loading={set.isPending} disabled={!data}>
          {words.save}
        </Button>
      </form>
      {set.isSuccess && (
        <p className={classes.done} role="status">
          {words.saved}
        </p>
      )}
      <Problem error={set.error ?? error} />
    </section>
  );
}
