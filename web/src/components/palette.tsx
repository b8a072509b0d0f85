// The way to anywhere by typing: pages, saved views, ids, what was searched for before, and the theme. Part of the first load: who
// types right behind its keys must not be ahead of it.
import { ActionIcon, Modal, TextInput, useMantineColorScheme } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { useChoosing } from '../lib/choosing';
import { text } from '../lib/text';
import type { ListSearch } from '../router';
import { useDashboards } from '../state/dashboards';
import { useRecentSearches } from '../state/preferences';
import { useViews } from '../state/views';
import classes from './palette.module.css';
import { nextScheme } from './theme-toggle';

const words = text.palette;

interface Command {
  key: string;
  name: string;
  group: string;
  run: () => void;
}

export function Palette({ onClose }: { onClose: () => void }) {
  const [typed, setTyped] = useState('');
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const commands = useCommands(typed.trim());
  const { chosen, setAt, onArrow, reset } = useChoosing(commands.length, 0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the chosen one is found by its mark once it has been drawn
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen, commands.length]);

  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    onArrow(event);
    if (event.key === 'Enter') run(commands[chosen]);
  };
  return (
    <Modal.Root opened onClose={onClose} size="lg" yOffset="12vh" transitionProps={{ duration: 0 }}>
      <Modal.Overlay />
      <Modal.Content aria-label={words.title}>
        <Modal.Body className={classes.body}>
          <TextInput
            className={classes.field}
            value={typed}
            data-autofocus
            role="combobox"
            aria-expanded
            aria-controls={id}
            aria-activedescendant={commands[chosen] ? `${id}-${chosen}` : undefined}
            aria-label={words.placeholder}
            placeholder={words.placeholder}
            rightSectionWidth={46}
            rightSection={
              <ActionIcon
                variant="subtle"
                color="gray"
                size={44}
                aria-label={words.close}
                title={words.close}
                onClick={onClose}
              >
                <IconX size={17} stroke={1.8} />
              </ActionIcon>
            }
            onChange={(event) => {
              setTyped(event.currentTarget.value);
              reset();
            }}
            onKeyDown={onKeyDown}
          />
          {commands.length === 0 && <p className={classes.none}>{words.none}</p>}
          <div ref={list} id={id} role="listbox" aria-label={words.title} className={classes.list} tabIndex={-1}>
            {commands.map((command, index) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field, which points at the chosen one
              <div
                key={command.key}
                id={`${id}-${index}`}
                role="option"
                aria-selected={index === chosen}
                className={classes.item}
                onClick={() => run(command)}
                onPointerMove={() => setAt(index)}
              >
                <span className={classes.name} title={command.name}>
                  {command.name}
                </span>
                <span className={classes.group}>{command.group}</span>
              </div>
            ))}
          </div>
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

function useCommands(typed: string): Command[] {
  const navigate = useNavigate();
  const { views } = useViews();
  const { recent } = useRecentSearches();
  const boards = useDashboards().data?.items ?? [];
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const list = (search: ListSearch) => () => void navigate({ to: '/', search });
  const page = (name: string, to: string): Command => ({
    key: `page ${to}`,
    name,
    group: words.page,
    run: () => void navigate({ to }),
  });
  const scheme = nextScheme(colorScheme);
  const named: Command[] = [
    page(text.nav.conversations, '/'),
    page(text.nav.search, '/search'),
    page(text.nav.users, '/users'),
    page(text.nav.sessions, '/sessions'),
    page(text.nav.channels, '/channels'),
    page(text.nav.analytics, '/analytics'),
    page(text.nav.connect, '/connect'),
    page(text.flow.title, '/flow'),
    page(text.nav.settings, '/settings'),
    ...Object.entries(text.settings.tabs).map(([tab, name]) => ({
      key: `settings ${tab}`,
      name,
      group: text.settings.title,
      run: () => void navigate({ to: '/settings', search: { tab } }),
    })),
    ...boards.map(({ id, name }) => ({
      key: `board ${id}`,
      name,
      group: text.boards.title,
      run: () => void navigate({ to: '/analytics', search: { board: id } }),
    })),
    ...views.map((view) => ({
      key: `view ${view.id}`,
      name: view.name,
      group: words.view,
      run: list(view.search as ListSearch),
    })),
    ...recent.map((query) => ({ key: `recent ${query}`, name: query, group: words.recent, run: list({ q: query }) })),
    {
      key: 'theme',
      name: words.theme(text.nav.themes[scheme]),
      group: words.action,
      run: () => setColorScheme(scheme),
    },
  ];
  if (!typed) return named;
  const needle = typed.toLowerCase();
  const found = named.filter(({ name }) => name.toLowerCase().includes(needle));
  const asked: Command[] = [
    { key: 'list', name: words.list(typed), group: words.action, run: list({ q: typed }) },
    {
      key: 'search',
      name: words.search(typed),
      group: words.action,
      run: () => void navigate({ to: '/search', search: { q: typed } }),
    },
  ];
  // An id has no spaces in it.
  if (!/\s/.test(typed)) {
    asked.push(
      {
        key: 'conversation',
        name: words.openConversation(typed),
        group: words.action,
        run: () => void navigate({ to: '/conversations/$id', params: { id: typed } }),
      },
      {
        key: 'trace',
        name: words.openTrace(typed),
        group: words.action,
        run: () => void navigate({ to: '/traces/$traceId', params: { traceId: typed } }),
      },
    );
  }
  return [...found, ...asked];
}
