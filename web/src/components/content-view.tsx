// What went in or came out of a step, as what it is: text, messages, documents or JSON.
import { useState } from 'react';
import type { Content, Document, Message, Part } from '../api/types';
import { text } from '../lib/text';
import { parseJsonText } from '../model/content';
import { keptIn } from '../model/media';
import classes from './content-view.module.css';
import { JsonTree } from './json-tree';
import { MediaView } from './media-view';
import pill from './pill.module.css';
import { TextView } from './text-view';

/** More history than this is folded: the end of it is what a step is about. */
const SHOWN_MESSAGES = 6;
/** More fields than these are folded below a document. */
const SHOWN_FIELDS = 6;

interface Props {
  content: Content;
  /** How many messages at the beginning had been sent before. */
  known?: number | undefined;
}

export function ContentView({ content, known = 0 }: Props) {
  switch (content.type) {
    case 'text':
      return <TextOrJson value={content.text} />;
    case 'messages':
      return <Messages messages={content.messages} known={known} />;
    case 'documents':
      return <Documents documents={content.documents} />;
    default:
      return typeof content.value === 'string' ? <TextView text={content.value} /> : <Other value={content.value} />;
  }
}

/** Many clients send JSON as a text; a tree reads better. */
function TextOrJson({ value }: { value: string }) {
  const json = parseJsonText(value);
  return json ? <JsonTree value={json} /> : <TextView text={value} />;
}

function Messages({ messages, known }: { messages: Message[]; known: number }) {
  const [all, setAll] = useState(false);
  // What is new is shown first, and never folded away.
  const folded = known > 0 && known < messages.length ? known : Math.max(0, messages.length - SHOWN_MESSAGES);
  const hidden = all ? 0 : folded;
  return (
    <div className={classes.stack}>
      {hidden > 0 && (
        <button type="button" className={pill.fold} onClick={() => setAll(true)}>
          {hidden === known ? text.content.sentBefore(hidden) : text.content.earlier(hidden)}
        </button>
      )}
      {messages.slice(hidden).map((message, index) => (
        <div
          // biome-ignore lint/suspicious/noArrayIndexKey: messages never change place within a recorded content
          key={hidden + index}
          className={classes.message}
          data-role={message.role}
          data-known={hidden + index < known || undefined}
        >
          <div className={classes.role}>{message.role}</div>
          <Parts parts={message.parts} />
          {message.extra && Object.keys(message.extra).length > 0 && <JsonTree value={message.extra} openDepth={0} />}
        </div>
      ))}
    </div>
  );
}

export function Parts({ parts }: { parts: Part[] }) {
  return (
    <div className={classes.parts}>
      {parts.map((part, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts never change place within a recorded message
        <PartView key={index} part={part} />
      ))}
    </div>
  );
}

function PartView({ part }: { part: Part }) {
  switch (part.type) {
    case 'text':
      return <TextOrJson value={part.text} />;
    case 'reasoning':
      return (
        <details className={classes.reasoning}>
          <summary>{text.content.reasoning}</summary>
          <TextView text={part.text} />
        </details>
      );
    case 'tool_call':
      return <Call verb={text.content.toolCall} name={part.name} id={part.id} value={part.arguments} />;
    case 'tool_result':
      return <Call verb={text.content.toolResult} name={part.name} id={part.id} value={part.result} />;
    case 'media':
      return <MediaView medium={{ uri: part.uri, mimeType: part.mime_type, name: part.name, bytes: part.bytes }} />;
    default:
      return <Other value={part.value} />;
  }
}

/** A value that is not understood, with the media in it. */
function Other({ value }: { value: unknown }) {
  return (
    <>
      <JsonTree value={value} />
      {keptIn(value).map((medium, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: media never change place within a recorded value
        <MediaView key={index} medium={medium} />
      ))}
    </>
  );
}

interface CallProps {
  verb: string;
  name?: string | null;
  id?: string | null;
  value: unknown;
}

function Call({ verb, name, id, value }: CallProps) {
  return (
    <div className={classes.call}>
      <div className={classes.callHead} title={id ?? undefined}>
        <span className={classes.verb}>{verb}</span>
        <span className={classes.tool}>{name ?? id ?? ''}</span>
      </div>
      {typeof value === 'string' ? <TextOrJson value={value} /> : <JsonTree value={value} />}
    </div>
  );
}

/** A table, so that scores stand below each other; the text of a document opens below its line. */
function Documents({ documents }: { documents: Document[] }) {
  const names = text.content.documents;
  const best = Math.max(0, ...documents.map(({ score }) => score ?? 0));
  return (
    <table className={classes.documents}>
      <thead>
        <tr>
          <th scope="col">{names.rank}</th>
          <th scope="col">{names.id}</th>
          <th scope="col">{names.score}</th>
        </tr>
      </thead>
      <tbody>
        {documents.map((document, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: documents never change place within a recorded content
          <DocumentRow key={index} document={document} index={index} best={best} />
        ))}
      </tbody>
    </table>
  );
}

function DocumentRow({ document, index, best }: { document: Document; index: number; best: number }) {
  const metadata = document.metadata ?? {};
  const share = document.score != null && best > 0 ? Math.max(0, document.score) / best : 0;
  return (
    <tr>
      <td className={classes.rank}>{index + 1}</td>
      <td className={classes.documentBody}>
        <span className={classes.documentId}>{document.id ?? text.content.document(index + 1)}</span>
        {document.content && (
          <div className={classes.documentText}>
            <TextView text={document.content} />
          </div>
        )}
        {Object.keys(metadata).length > 0 && (
          <JsonTree value={metadata} openDepth={1} bare={Object.keys(metadata).length <= SHOWN_FIELDS} />
        )}
      </td>
      <td className={classes.score}>
        {document.score != null && (
          <>
            {Number(document.score.toFixed(4))}
            <span className={classes.scoreBar} style={{ width: `${share * 100}%` }} />
          </>
        )}
      </td>
    </tr>
  );
}
