// A part of the panel that can be closed; which ones are closed is remembered.
import { IconChevronRight } from '@tabler/icons-react';
import { type ReactNode, useId } from 'react';
import { useClosedSections } from '../state/preferences';
import classes from './section.module.css';

interface Props {
  /** Name under which the browser remembers whether it is closed. */
  name: string;
  title: string;
  count?: number | undefined;
  actions?: ReactNode;
  children: ReactNode;
}

export function Section(props: Props) {
  const [closed, setClosed] = useClosedSections();
  const { name } = props;
  const open = !closed.includes(name);
  const toggle = () => setClosed(open ? [...closed, name] : closed.filter((each) => each !== name));
  return <SectionFrame {...props} open={open} onToggle={toggle} />;
}

/** A section that whoever shows it opens and closes. */
export function SectionFrame(props: Props & { open: boolean; onToggle: () => void }) {
  const { name, title, count, actions, children, open, onToggle } = props;
  const id = useId();
  return (
    <section className={classes.section} aria-labelledby={`${id}-title`} data-section={name}>
      <div className={classes.head}>
        <h3 className={classes.title}>
          <button
            type="button"
            id={`${id}-title`}
            aria-expanded={open}
            aria-controls={open ? id : undefined}
            onClick={onToggle}
          >
            <IconChevronRight size={14} stroke={2.2} aria-hidden />
            {title}
            {count !== undefined && <span className={classes.count}>{count}</span>}
          </button>
        </h3>
        {open && actions}
      </div>
      {open && (
        <div id={id} className={classes.body}>
          {children}
        </div>
      )}
    </section>
  );
}

export interface Fact {
  name: string;
  value: ReactNode;
}

/** Names and values side by side; those without a value are left out. */
export function Facts({ facts }: { facts: (Fact | false | '' | null | undefined)[] }) {
  const shown = facts.filter((fact): fact is Fact => Boolean(fact));
  return (
    <dl className={classes.facts}>
      {shown.map((fact) => (
        <div key={fact.name} className={classes.fact}>
          <dt>{fact.name}</dt>
          <dd>{fact.value}</dd>
        </div>
      ))}
    </dl>
  );
}
