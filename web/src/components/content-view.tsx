// What went in or came out of a step, as what it is: text, messages, documents or JSON.
import { useState } from 'react';
import type { Content, Document, Message, Part } from '../api/types';
import { text } from '../lib/text';
import { parseJsonText } from '../model/content';
import { keptIn } from '../model/media';
import classes from './content-view.module.css';
import { JsonTree } from './json-tree';
import { MediaView } from './media-view';
import { TextView } from './text-view';

/** More history than this is folded: the end of it is what a step is about. */
const SHOWN_MESSAGES = 6;
/** More fields than these are folded below a document. */
const SHOWN_FIELDS = 6;

export function ContentView({ content }: { content: Content }) {
  switch (content.type) {
    case 'text':
      return <TextOrJson value={content.text} />;
    case 'messages':
      return <Messages messages={content.messages} />;
    case 'documents':
      return (
        <div className={classes.stack}>
          {content.documents.map((document, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: documents never change place within a recorded content
            <DocumentCard key={index} document={document} index={index} />
          ))}
        </div>
      );
    default:
      return typeof content.value === 'string' ? <TextView text={content.value} /> : <Other value={content.value} />;
  }
}

/** Many clients send JSON as a text; a tree reads better. */
function TextOrJson({ value }: { value: string }) {
  const json = parseJsonText(value);
  return json ? <JsonTree value={json} /> : <TextView text={value} />;
}

function Messages({ messages }: { messages: Message[] }) {
  const [all, setAll] = useState(false);
  const hidden = all ? 0 : Math.max(0, messages.length - SHOWN_MESSAGES);
  return (
    <div className={classes.stack}>
      {hidden > 0 && (
        <button type="button" className={classes.earlier} onClick={() => setAll(true)}>
          {text.content.earlier(hidden)}
        </button>
      )}
      {messages.slice(hidden).map((message, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: messages never change place within a recorded content
        <div key={hidden + index} className={classes.message} data-role={message.role}>
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
      return <TextView text={part.text} />;
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

function DocumentCard({ document, index }: { document: Document; index: number }) {
  const metadata = document.metadata ?? {};
  return (
    <div className={classes.document}>
      <div className={classes.documentHead}>
        <span className={classes.rank}>{index + 1}</span>
        <span className={classes.documentId}>{document.id ?? text.content.document(index + 1)}</span>
        {document.score != null && (
          <span className={classes.score}>
            {text.content.score} {Number(document.score.toFixed(4))}
          </span>
        )}
      </div>
      {document.content && (
        <div className={classes.documentText}>
          <TextView text={document.content} />
        </div>
      )}
      {Object.keys(metadata).length > 0 && (
        <JsonTree value={metadata} openDepth={1} bare={Object.keys(metadata).length <= SHOWN_FIELDS} />
      )}
    </div>
  );
}
