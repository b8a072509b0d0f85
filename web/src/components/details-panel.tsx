// What is known of a conversation as a whole, beside its transcript.
import type { Transcript, User } from '../api/types';
import { text } from '../lib/text';
import { formatAbsolute, formatCost, formatDuration, userName } from '../model/format';
import { parseTime } from '../model/time';
import { countedTokens } from '../model/tokens';
import { useAge } from './ago';
import { Avatar } from './avatar';
import { CloseButton } from './close-button';
import classes from './details-panel.module.css';
import { JsonTree } from './json-tree';
import { Facts, Section } from './section';
import { DataSection, Ids } from './step-extras';
import panelClasses from './step-panel.module.css';
import { WhyButton } from './why-button';

const words = text.conversation;
const tokens = text.step.tokenKinds;

/** What the application told of the user beyond what has a place of its own. */
function extraOf(user: User | null | undefined): Record<string, unknown> {
  const { id: _id, name: _name, email: _email, ...extra } = user ?? {};
  return extra;
}

interface Props {
  transcript: Transcript;
  /** Shows why the totals are what they are. */
  onWhy: () => void;
  onClose: () => void;
}

export function DetailsPanel({ transcript, onWhy, onClose }: Props) {
  const { conversation, user, metadata, custom } = transcript;
  const extra = extraOf(user);
  const age = useAge(conversation.start_time, conversation.running);
  const counted = countedTokens(conversation.usage);
  const why = <WhyButton open={false} onToggle={onWhy} />;
  return (
    <section className={panelClasses.panel} aria-label={words.details}>
      <div className={classes.head}>
        <h2>{words.details}</h2>
        <CloseButton label={words.hideDetails} onClose={onClose} />
      </div>
      <div className={panelClasses.scroll} tabIndex={0} role="group" aria-label={words.details}>
        <div className={classes.user}>
          <Avatar user={user} size={40} />
          <div>
            <strong>{userName(user) ?? text.list.anonymous}</strong>
            {user?.email && user.email !== userName(user) && <span>{user.email}</span>}
            {user?.id && user.id !== userName(user) && <span className="nt-mono">{user.id}</span>}
          </div>
        </div>
        {Object.keys(extra).length > 0 && (
          <div className={classes.extra}>
            <JsonTree value={extra} openDepth={1} bare />
          </div>
        )}
        <Section name="about" title={words.title}>
          <Facts
            facts={[
              { name: words.started, value: formatAbsolute(parseTime(conversation.start_time)) },
              { name: words.last, value: formatAbsolute(parseTime(conversation.last_time)) },
              { name: words.duration, value: formatDuration(age ?? conversation.duration_ms) },
              { name: words.turns, value: conversation.turns.toLocaleString('en-US') },
              { name: words.steps, value: conversation.spans.toLocaleString('en-US') },
              conversation.errors > 0 && { name: words.errors, value: conversation.errors },
              conversation.models.length > 0 && { name: words.models, value: conversation.models.join(', ') },
              conversation.cost != null && {
                name: words.cost,
                value: (
                  <>
                    {formatCost(conversation.cost)} {why}
                  </>
                ),
              },
            ]}
          />
        </Section>
        {counted.length > 0 && (
          <Section name="usage" title={words.tokens} actions={why}>
            <Facts
              facts={counted.map(({ kind, count }) => ({ name: tokens[kind], value: count.toLocaleString('en-US') }))}
            />
          </Section>
        )}
        <DataSection name="metadata" title={words.metadata} value={metadata} />
        <DataSection name="custom" title={words.custom} value={custom} />
        <Section name="ids" title={text.step.ids}>
          <Ids
            ids={[
              { name: text.step.idNames.conversation, value: conversation.conversation_id },
              { name: text.step.idNames.user, value: user?.id, page: 'user' },
              { name: text.step.idNames.channel, value: conversation.channel_id, page: 'channel' },
              ...conversation.session_ids.map((id) => ({
                name: text.step.idNames.session,
                value: id,
                page: 'session' as const,
              })),
            ]}
          />
        </Section>
      </div>
    </section>
  );
}
