// The people who work on a project: who they are, what they may do, when they were seen, and an end to it. What signs somebody in
// is shown this once, to be handed on.
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { MemberItem } from '../api/types';
import { text } from '../lib/text';
import { invitationLink } from '../model/invitation';
import { useSession } from '../state/queries';
import { useMemberActions, useMembers, useProjects } from '../state/settings';
import { Ago } from './ago';
import { ConfirmButton } from './confirm-button';
import { CopyTextButton } from './copy-button';
import classes from './form.module.css';
import { Loading } from './loading';
import { Problem } from './problem';
import { TableFrame } from './table-frame';

const words = text.settings.members;
const ROLES = Object.entries(words.roles).map(([value, label]) => ({ value, label }));
const SHORT_ROLES = Object.entries(words.shortRoles).map(([value, label]) => ({ value, label }));
const NOBODY = { name: '', email: '', role: 'editor' };

export function SettingsMembers() {
  const { data: session } = useSession();
  const [project, setProject] = useState(session?.project ?? '');
  const projects = useProjects().data?.items ?? [];
  return (
    <>
      {projects.length > 1 && (
        <div className={classes.choice}>
          <NativeSelect
            label={text.settings.project}
            value={project}
            data={projects.map(({ name }) => name)}
            onChange={(event) => setProject(event.currentTarget.value)}
          />
        </div>
      )}
      {project && <Members key={project} project={project} />}
    </>
  );
}

function Members({ project }: { project: string }) {
  const { data: session } = useSession();
  const { data, error } = useMembers(project);
  const actions = useMemberActions(project);
  const { change, remove } = actions;
  const mine = (member: MemberItem) => session?.project === project && session.member === member.name;
  return (
    <>
      <Invite project={project} actions={actions} />
      <section className={classes.card} aria-labelledby="members">
        <h2 id="members">
          {words.of} <bdi>{project}</bdi>
        </h2>
        <p className={classes.help}>{words.help}</p>
        <Problem error={error ?? change.error ?? remove.error} />
        {!data && !error && <Loading />}
        {data?.items.length === 0 && <p className={classes.help}>{words.none}</p>}
        {data && data.items.length > 0 && (
          <TableFrame
            label={words.title}
            columns={[words.columns.name, words.columns.role, words.columns.made, words.columns.seen]}
            actions
          >
            {data.items.map((member) => {
              const { id, name, email, role } = member;
              const own = mine(member);
              return (
                <tr key={id} data-member={name}>
                  <td className={classes.wrap}>
                    <bdi>{name}</bdi>
                    {own && ` (${words.you})`}
                    {email && (
                      <>
                        <br />
                        <a href={`mailto:${encodeURIComponent(email)}`}>{email}</a>
                      </>
                    )}
                  </td>
                  <td>
                    <NativeSelect
                      size="xs"
                      w={104}
                      aria-label={words.roleOf(name)}
                      value={role}
                      data={SHORT_ROLES}
                      disabled={own || change.isPending}
                      title={own ? words.own : undefined}
                      onChange={(event) => change.mutate({ member, role: event.currentTarget.value })}
                    />
                  </td>
                  <td>
                    <Ago time={member.created_at} />
                  </td>
                  <td>{member.seen_at ? <Ago time={member.seen_at} /> : words.never}</td>
                  <td>
                    {!own && (
                      <div className={classes.actions}>
                        <ConfirmButton
                          label={words.remove}
                          title={words.removeTitle(name)}
                          help={words.removeHelp}
                          loading={remove.isPending && remove.variables === id}
                          onConfirm={() => remove.mutate(id)}
                        />
                      </div>
                    )}
                  </td>
                </tr>
              );
            })}
          </TableFrame>
        )}
      </section>
    </>
  );
}

function Invite({ project, actions }: { project: string; actions: ReturnType<typeof useMemberActions> }) {
  const [draft, setDraft] = useState(NOBODY);
  const { invite } = actions;
  const set = (part: Partial<typeof NOBODY>) => setDraft((before) => ({ ...before, ...part }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const { name, email, role } = draft;
    const member = { name: name.trim(), email: email.trim() || null, role };
    if (member.name) invite.mutate(member, { onSuccess: () => setDraft(NOBODY) });
  };
  const link = invite.data && invitationLink(window.location.origin, invite.data.key);
  return (
    <section className={classes.card} aria-labelledby="invite">
      <h2 id="invite">{words.invite}</h2>
      <p className={classes.help}>{words.inviteHelp}</p>
      <form className={classes.row} onSubmit={submit}>
        <TextInput
          label={words.columns.name}
          value={draft.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          autoComplete="off"
          required
        />
        <TextInput
          label={words.email}
          type="email"
          value={draft.email}
          onChange={(event) => set({ email: event.currentTarget.value })}
          autoComplete="off"
        />
        <NativeSelect
          label={words.columns.role}
          value={draft.role}
          data={ROLES}
          onChange={(event) => set({ role: event.currentTarget.value })}
        />
        <Button type="submit" loading={invite.isPending} disabled={!draft.name.trim()}>
          {words.submit}
        </Button>
      </form>
      {invite.data && link && (
        <div className={classes.invited} role="status">
          <p>{words.once(invite.variables.name, project)}</p>
          <dl>
            <div>
              <dt>{words.link}</dt>
              <dd>
                <code data-invitation>{link}</code>
                <CopyTextButton value={() => link} label={words.copyLink} />
              </dd>
            </div>
            <div>
              <dt>{words.key}</dt>
              <dd>
                <code data-new-key>{invite.data.key}</code>
                <CopyTextButton value={() => invite.data.key} label={text.settings.copyKey} />
              </dd>
            </div>
          </dl>
        </div>
      )}
      <Problem error={invite.error} />
    </section>
  );
}
