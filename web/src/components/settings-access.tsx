// Projects and keys. A key is shown this once; the server keeps only what it needs to recognize it.
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { text } from '../lib/text';
import { useSession } from '../state/queries';
import { useMakeKey, useMakeProject, useProjects } from '../state/settings';
import { CopyButton } from './copy-button';
import classes from './form.module.css';
import { KeyList } from './key-list';
import { Problem } from './problem';

const words = text.settings;
const DEFAULT_PROJECT = 'default';
const SCOPES = Object.entries(words.scopes).map(([value, label]) => ({ value, label }));

export function SettingsAccess() {
  const { data: session } = useSession();
  const [project, setProject] = useState(session?.project ?? '');
  const [scope, setScope] = useState('ingest');
  const [name, setName] = useState('');
  const makeKey = useMakeKey();
  const makeProject = useMakeProject();
  const projects = useProjects().data?.items ?? [];
  // Only a key of the first project may make others.
  const operator = session?.project === DEFAULT_PROJECT;
  return (
    <>
      <section className={classes.card} aria-labelledby="new-key">
        <h2 id="new-key">{words.newKey}</h2>
        <p className={classes.help}>
          {words.newKeyHelp} <a href="/docs">{words.apiDocs}</a>
        </p>
        <form
          className={classes.row}
          onSubmit={(event) => {
            event.preventDefault();
            makeKey.mutate({ project: project.trim(), scope });
          }}
        >
          <NativeSelect
            label={words.project}
            value={project}
            data={projects.length > 0 ? projects.map(({ name: each }) => each) : [project]}
            onChange={(event) => setProject(event.currentTarget.value)}
          />
          <NativeSelect
            label={words.scope}
            value={scope}
            data={SCOPES}
            onChange={(event) => setScope(event.currentTarget.value)}
          />
          <Button type="submit" loading={makeKey.isPending} disabled={!project.trim()}>
            {words.makeKey}
          </Button>
        </form>
        {makeKey.data && (
          <div className={classes.secret} role="status">
            <span>{words.keyOnce}</span>
            <code data-new-key>{makeKey.data.key}</code>
            <CopyButton value={() => makeKey.data.key} label={words.copyKey} />
          </div>
        )}
        <Problem error={makeKey.error} />
      </section>
      <KeyList project={project} />
      {operator && (
        <section className={classes.card} aria-labelledby="new-project">
          <h2 id="new-project">{words.newProject}</h2>
          <p className={classes.help}>{words.newProjectHelp}</p>
          <form
            className={classes.row}
            onSubmit={(event) => {
              event.preventDefault();
              makeProject.mutate(name.trim(), { onSuccess: (made) => setProject(made.name) });
            }}
          >
            <TextInput
              label={words.name}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              required
            />
            <Button type="submit" variant="default" loading={makeProject.isPending} disabled={!name.trim()}>
              {words.makeProject}
            </Button>
          </form>
          {makeProject.data && (
            <p className={classes.done} role="status">
              {words.projectMade(makeProject.data.name)}
            </p>
          )}
          <Problem error={makeProject.error} />
        </section>
      )}
    </>
  );
}
