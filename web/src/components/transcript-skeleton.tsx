// The shape of a transcript while it loads.
import { Skeleton } from '@mantine/core';
import { text } from '../lib/text';

export function TranscriptSkeleton() {
  return (
    <div role="status" aria-label={text.loading} style={{ flex: 1 }}>
      <div style={{ padding: '12px 16px', borderBottom: '1px solid var(--nt-line)', background: 'var(--nt-surface)' }}>
        <Skeleton height={14} width={220} mb={9} mt={3} />
        <Skeleton height={9} width={420} maw="100%" mb={3} />
      </div>
      <div style={{ maxWidth: 1080, margin: '24px auto', padding: '0 20px' }}>
        {['a', 'b', 'c'].map((turn) => (
          <div key={turn}>
            <Skeleton height={44} width="42%" radius={14} ml="auto" />
            <Skeleton height={12} width={120} my={18} />
            <Skeleton height={84} width="64%" radius={14} mb={34} />
          </div>
        ))}
      </div>
    </div>
  );
}
