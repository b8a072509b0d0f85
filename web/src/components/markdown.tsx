// Text with Markdown in it. Loaded only when a text is shown formatted. Raw HTML stays text.
import { memo } from 'react';
import Markdown from 'react-markdown';
import remarkGfm from 'remark-gfm';
import classes from './text-view.module.css';

const PLUGINS = [remarkGfm];

const FormattedText = memo(function FormattedText({ text }: { text: string }) {
  return (
    <div className={classes.markdown}>
      <Markdown
        remarkPlugins={PLUGINS}
        components={{
          a: ({ href, children }) => (
            <a href={href} target="_blank" rel="noopener noreferrer nofollow">
              {children}
            </a>
          ),
          // The text of a conversation is not ours: showing it must not make this browser ask other servers for pictures.
          img: ({ src, alt }) => (
            <a href={typeof src === 'string' ? src : undefined} target="_blank" rel="noopener noreferrer nofollow">
              {alt || (typeof src === 'string' ? src : '')}
            </a>
          ),
          pre: ({ children }) => <pre tabIndex={0}>{children}</pre>,
          // A heading inside a message is no heading of the page.
          h1: ({ children }) => <p className={classes.heading}>{children}</p>,
          h2: ({ children }) => <p className={classes.heading}>{children}</p>,
          h3: ({ children }) => <p className={classes.heading}>{children}</p>,
          h4: ({ children }) => <p className={classes.heading}>{children}</p>,
          h5: ({ children }) => <p className={classes.heading}>{children}</p>,
          h6: ({ children }) => <p className={classes.heading}>{children}</p>,
          input: ({ checked }) => <span aria-hidden>{checked ? '☑ ' : '☐ '}</span>,
        }}
      >
        {text}
      </Markdown>
    </div>
  );
});

export default FormattedText;
