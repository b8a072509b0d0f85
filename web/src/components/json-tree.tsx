// Any JSON value as a tree that opens and closes. Long lists and long strings come in portions.
import { IconChevronRight } from '@tabler/icons-react';
import { useState } from 'react';
import { text } from '../lib/text';
import button from './button.module.css';
import classes from './json-tree.module.css';

const PORTION = 100;
const FIRST_CHARS = 600;

interface Props {
  value: unknown;
  /** How many levels are open at first. */
  openDepth?: number;
  /** Whether an object shows its fields only, without a line for itself. */
  bare?: boolean;
}

export function JsonTree({ value, openDepth = 2, bare }: Props) {
  const fields = bare && typeof value === 'object' && value !== null && !Array.isArray(value) && Object.entries(value);
  return (
    <div className={classes.tree}>
      {fields ? (
        fields.map(([name, item]) => <Node key={name} name={name} value={item} depth={1} openDepth={openDepth} />)
      ) : (
        <Node value={value} depth={0} openDepth={openDepth} />
      )}
    </div>
  );
}

interface NodeProps {
  name?: string;
  value: unknown;
  depth: number;
  openDepth: number;
}

function Node({ name, value, depth, openDepth }: NodeProps) {
  if (typeof value === 'object' && value !== null) {
    return <Branch name={name} value={value} depth={depth} openDepth={openDepth} />;
  }
  return (
    <div className={classes.line}>
      <span className={classes.gap} />
      {name !== undefined && <span className={classes.name}>{name}</span>}
      <Leaf value={value} />
    </div>
  );
}

function Branch({ name, value, depth, openDepth }: NodeProps & { value: object }) {
  const [open, setOpen] = useState(depth < openDepth);
  const [limit, setLimit] = useState(PORTION);
  const isList = Array.isArray(value);
  const entries = isList ? value.map((item, index) => [String(index), item] as const) : Object.entries(value);
  const size = isList ? text.content.items(entries.length) : text.content.keys(entries.length);
  if (entries.length === 0) {
    return (
      <div className={classes.line}>
        <span className={classes.gap} />
        {name !== undefined && <span className={classes.name}>{name}</span>}
        <span className={classes.empty}>{isList ? '[]' : '{}'}</span>
      </div>
    );
  }
  return (
    <div>
      <button type="button" className={classes.branch} aria-expanded={open} onClick={() => setOpen(!open)}>
        <IconChevronRight className={classes.chevron} size={13} stroke={2.2} aria-hidden />
        {name !== undefined && <span className={classes.name}>{name}</span>}
        <span className={classes.size}>{isList ? `[ ${size} ]` : `{ ${size} }`}</span>
      </button>
      {open && (
        <div className={classes.children}>
          {entries.slice(0, limit).map(([key, item]) => (
            <Node key={key} name={key} value={item} depth={depth + 1} openDepth={openDepth} />
          ))}
          {entries.length > limit && (
            <button
              type="button"
              className={`${button.words} ${classes.more}`}
              onClick={() => setLimit(limit + PORTION * 5)}
            >
              {text.content.showMore((entries.length - limit).toLocaleString('en-US'))}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function Leaf({ value }: { value: unknown }) {
  const [all, setAll] = useState(false);
  if (typeof value !== 'string') {
    return (
      <span className={classes.value} data-type={value === null ? 'null' : typeof value}>
        {String(value)}
      </span>
    );
  }
  const cut = !all && value.length > FIRST_CHARS;
  return (
    <span className={classes.value} data-type="string">
      {cut ? `${value.slice(0, FIRST_CHARS)}…` : value}
      {cut && (
        <button type="button" className={`${button.words} ${classes.more}`} onClick={() => setAll(true)}>
          {text.content.showAll(value.length.toLocaleString('en-US'))}
        </button>
      )}
    </span>
  );
}
