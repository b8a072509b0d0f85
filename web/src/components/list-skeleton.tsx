// The shape of the list while it loads.
import { Skeleton } from '@mantine/core';
import { text } from '../lib/text';
import classes from './conversation-list.module.css';
import { COLUMNS, gridOf } from './conversation-row';

const SHOWN = ['user', 'words', 'channel', 'turns', 'signals', 'model', 'time'];
const GRID = gridOf(
  COLUMNS.filter(({ name }) => SHOWN.includes(name)),
  false,
);
const ROWS = Array.from({ length: 9 }, (_, index) => `skeleton-${index}`);

export function ListSkeleton() {
  return (
    <div className={classes.frame} style={GRID} role="status" aria-label={text.loading}>
      <div className={classes.scroller} aria-hidden>
        <div className={classes.headRow} />
        {ROWS.map((row, index) => (
          <div key={row} style={{ height: 60 }}>
            <div className={classes.row}>
              <div className={classes.user}>
                <Skeleton circle height={28} width={28} style={{ flex: 'none' }} />
                <Skeleton height={10} width="70%" />
              </div>
              <div>
                <Skeleton height={10} width={`${45 + ((index * 17) % 40)}%`} mb={9} />
                <Skeleton height={8} width={`${30 + ((index * 29) % 50)}%`} />
              </div>
              <div className={classes.channel}>
                <Skeleton height={10} width="80%" />
              </div>
              <div className={classes.number}>
                <Skeleton height={10} width="70%" />
              </div>
              <div className={classes.signals} />
              <div className={classes.model}>
                <Skeleton height={10} width="60%" />
              </div>
              <div>
                <Skeleton height={10} width="60%" ml="auto" />
              </div>
            </div>
          </div>
        ))}
      </div>
    </div>
  );
}
