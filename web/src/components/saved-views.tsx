// The lists that were given a name: to open one, to hand on its link, to keep the list as it is now, and to delete one.
import { ActionIcon, Button, TextInput } from '@mantine/core';
import { IconBookmark, IconLink, IconX } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { text } from '../lib/text';
import { viewLink, viewName, viewSearch } from '../model/views';
import type { ListSearch } from '../router';
import { useColumns } from '../state/preferences';
import { type ListedView, useViews } from '../state/views';
import { CopyButton } from './copy-button';
import { Dropdown } from './dropdown';
import classes from './list-tools.module.css';
import { Problem } from './problem';

const words = text.views;

export function SavedViews({ search }: { search: ListSearch }) {
  const { views, ready, error, mayEdit, save, forget } = useViews();
  const [columns] = useColumns();
  const [name, setName] = useState('');
  const given = viewName(name);
  const replaces = views.some((view) => view.name === given && view.own !== mayEdit);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!given) return;
    save(given, viewSearch(search, search.columns ?? columns.join(',')));
    setName('');
  };
  return (
    <Dropdown label={words.title} icon={<IconBookmark size={16} stroke={1.8} />}>
      {(close) => (
        <>
          {ready && views.length === 0 && <p>{mayEdit ? words.none : words.noneOwn}</p>}
          {views.length > 0 && (
            <ul className={classes.views}>
              {views.map((view) => (
                <ViewLine
                  key={view.id}
                  view={view}
                  onOpen={close}
                  onForget={view.own || mayEdit ? () => void forget(view) : undefined}
                />
              ))}
            </ul>
          )}
          <Problem error={error} />
          <form className={classes.save} onSubmit={submit}>
            <TextInput
              size="xs"
              className={classes.name}
              aria-label={words.name}
              placeholder={words.name}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Button size="xs" type="submit" disabled={!given}>
              {replaces ? words.replace : words.save}
            </Button>
          </form>
        </>
      )}
    </Dropdown>
  );
}

interface LineProps {
  view: ListedView;
  onOpen: () => void;
  onForget: (() => void) | undefined;
}

function ViewLine({ view, onOpen, onForget }: LineProps) {
  const { name, own, saved_by } = view;
  const remove = own ? words.forget(name) : words.remove(name);
  const by = own ? words.own : saved_by && words.by(saved_by);
  return (
    <li className={classes.view}>
      <Link
        to="/"
        search={view.search as ListSearch}
        activeOptions={{ exact: true, includeSearch: true }}
        data-view={name}
        title={name}
        onClick={onOpen}
      >
        {name}
      </Link>
      {by && (
        <span className={classes.by} title={by}>
          {by}
        </span>
      )}
      <CopyButton
        value={() => viewLink(window.location.origin, view.search)}
        label={words.copy(name)}
        icon={<IconLink size={14} stroke={1.8} />}
      />
      {onForget && (
        <ActionIcon variant="subtle" color="gray" size={24} aria-label={remove} title={remove} onClick={onForget}>
          <IconX size={14} stroke={2} />
        </ActionIcon>
      )}
    </li>
  );
}
