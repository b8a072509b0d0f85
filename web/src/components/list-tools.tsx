// What the reader arranges of the list: saved views, the columns, and whether values stand beside it.
import { ActionIcon, Button, Popover, TextInput } from '@mantine/core';
import { IconBookmark, IconColumns3, IconFilter, IconSitemap, IconX } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { text } from '../lib/text';
import type { ListSearch } from '../router';
import { useColumns, useSavedViews } from '../state/preferences';
import { offerUndo } from '../state/undo';
import { COLUMNS } from './conversation-row';
import classes from './list-tools.module.css';

interface Props {
  search: ListSearch;
  /** Whether the values of the list are shown. */
  facets: boolean;
  onFacets: () => void;
}

export function ListTools({ search, facets, onFacets }: Props) {
  const label = facets ? text.facets.hide : text.facets.show;
  return (
    <div className={classes.tools}>
      <Views search={search} />
      <Columns />
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

function Dropdown({ label, icon, children }: { label: string; icon: ReactNode; children: ReactNode }) {
  return (
    <Popover position="bottom-end" shadow="md" withinPortal trapFocus returnFocus>
      <Popover.Target>
        <ActionIcon variant="default" size={32} aria-label={label} title={label}>
          {icon}
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown p={10} aria-label={label}>
        <div className={classes.menu}>{children}</div>
      </Popover.Dropdown>
    </Popover>
  );
}

function Columns() {
  const [columns, setColumns] = useColumns();
  const toggle = (name: string) =>
    setColumns(columns.includes(name) ? columns.filter((each) => each !== name) : [...columns, name]);
  return (
    <Dropdown label={text.list.chooseColumns} icon={<IconColumns3 size={16} stroke={1.8} />}>
      {COLUMNS.map(({ name }) => (
        <label key={name} className={classes.column}>
          {/* Without the words there would be no link to open. */}
          <input
            type="checkbox"
            checked={columns.includes(name)}
            disabled={name === 'words'}
            onChange={() => toggle(name)}
          />
          {text.list.columns[name]}
        </label>
      ))}
    </Dropdown>
  );
}

function Views({ search }: { search: ListSearch }) {
  const [views, setViews] = useSavedViews();
  const [name, setName] = useState('');
  const save = () => {
    const given = name.trim();
    if (!given) return;
    const kept = Object.entries(search).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
    setViews([...views.filter((view) => view.name !== given), { name: given, search: Object.fromEntries(kept) }]);
    setName('');
  };
  const forget = (given: string) => {
    setViews(views.filter((view) => view.name !== given));
    offerUndo({ message: text.views.removed(given), undo: async () => setViews(views) });
  };
  return (
    <Dropdown label={text.views.title} icon={<IconBookmark size={16} stroke={1.8} />}>
      {views.length === 0 && <p>{text.views.none}</p>}
      {views.map((view) => (
        <div key={view.name} className={classes.view}>
          <Link to="/" search={view.search as ListSearch} data-view={view.name}>
            {view.name}
          </Link>
          <ActionIcon
            variant="subtle"
            color="gray"
            size={24}
            aria-label={text.views.remove(view.name)}
            title={text.views.remove(view.name)}
            onClick={() => forget(view.name)}
          >
            <IconX size={14} stroke={2} />
          </ActionIcon>
        </div>
      ))}
      <form
        className={classes.save}
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <TextInput
          size="xs"
          aria-label={text.views.name}
          placeholder={text.views.name}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Button type="submit" size="xs" disabled={!name.trim()}>
          {text.views.save}
        </Button>
      </form>
    </Dropdown>
  );
}
