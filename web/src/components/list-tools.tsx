// What the reader arranges of the list: saved views, the columns, and whether values stand beside it.
import { ActionIcon, Button } from '@mantine/core';
import { IconColumns3, IconFilter, IconSitemap } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { text } from '../lib/text';
import { columnsIn } from '../model/views';
import type { ListSearch } from '../router';
import { useColumns } from '../state/preferences';
import { COLUMNS } from './conversation-row';
import { Dropdown } from './dropdown';
import classes from './list-tools.module.css';
import { SavedViews } from './saved-views';

interface Props {
  search: ListSearch;
  onChange: (change: Partial<ListSearch>) => void;
  /** Whether the values of the list are shown. */
  facets: boolean;
  onFacets: () => void;
}

export function ListTools({ search, onChange, facets, onFacets }: Props) {
  const label = facets ? text.facets.hide : text.facets.show;
  return (
    <div className={classes.tools}>
      <SavedViews search={search} />
      <Columns search={search} onChange={onChange} />
      <ActionIcon
        variant="default"
        size={32}
        aria-label={text.flow.open}
        title={text.flow.open}
        renderRoot={(props) => <Link to="/flow" search={search} {...props} />}
      >
        <IconSitemap size={16} stroke={1.8} />
      </ActionIcon>
      <ActionIcon variant="default" size={32} aria-label={label} title={label} aria-pressed={facets} onClick={onFacets}>
        <IconFilter size={16} stroke={1.8} />
      </ActionIcon>
    </div>
  );
}

/** The columns: those of the address where a view or a link has some, else the reader's own. */
function Columns({ search, onChange }: Pick<Props, 'search' | 'onChange'>) {
  const [own, setOwn] = useColumns();
  const linked = columnsIn(search.columns);
  const columns = linked ?? own;
  const toggle = (name: string) => {
    const next = columns.includes(name) ? columns.filter((each) => each !== name) : [...columns, name];
    if (linked) onChange({ columns: next.join(',') || 'words' });
    else setOwn(next);
  };
  return (
    <Dropdown label={text.list.chooseColumns} icon={<IconColumns3 size={16} stroke={1.8} />}>
      {() => (
        <>
          {COLUMNS.map(({ name }) => (
            <label key={name} className={classes.column}>
              {/* Without the words there would be no link to open. */}
              <input
                type="checkbox"
                checked={name === 'words' || columns.includes(name)}
                disabled={name === 'words'}
                onChange={() => toggle(name)}
              />
              {text.list.columns[name]}
            </label>
          ))}
          {linked && (
            <Button size="compact-xs" variant="default" mt={6} onClick={() => onChange({ columns: undefined })}>
              {text.list.ownColumns}
            </Button>
          )}
        </>
      )}
    </Dropdown>
  );
}
