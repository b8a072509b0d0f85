// The icon of a kind of step, in the colour of the kind.
import {
  type Icon,
  IconArrowsSplit2,
  IconBolt,
  IconDatabaseSearch,
  IconHelpHexagon,
  IconHierarchy2,
  IconLink,
  IconMessage2,
  IconMoodSmile,
  IconPointFilled,
  IconRobot,
  IconScale,
  IconSettings,
  IconShieldCheck,
  IconSparkles,
  IconTool,
  IconVector,
} from '@tabler/icons-react';
import { text } from '../lib/text';
import classes from './kind-icon.module.css';

const ICONS: Record<string, Icon> = {
  message: IconMessage2,
  generation: IconSparkles,
  embedding: IconVector,
  retrieval: IconDatabaseSearch,
  router: IconArrowsSplit2,
  agent: IconRobot,
  tool: IconTool,
  guardrail: IconShieldCheck,
  evaluation: IconScale,
  chain: IconLink,
  system: IconSettings,
  event: IconBolt,
  feedback: IconMoodSmile,
  unknown: IconHelpHexagon,
  trace: IconHierarchy2,
};

/** Kinds are open: a client may send one that this version has no word for. */
export function kindName(kind: string): string {
  return text.kinds[kind] ?? kind;
}

export function KindIcon({ kind, size = 20 }: { kind: string; size?: number }) {
  const Shape = ICONS[kind] ?? IconPointFilled;
  return (
    <span
      className={classes.kind}
      data-kind={kind}
      style={{ width: size, height: size }}
      title={kindName(kind)}
      aria-hidden
    >
      <Shape size={size * 0.68} stroke={1.9} />
    </span>
  );
}
