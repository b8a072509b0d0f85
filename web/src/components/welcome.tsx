// The list before anything has been recorded: how to send the first conversation.
import { IconMessages } from '@tabler/icons-react';
import { text } from '../lib/text';
import { CopyTextButton } from './copy-button';
import classes from './welcome.module.css';

function snippet(origin: string): string {
  return [
    'from neuraltrust import NeuralTrust',
    `client = NeuralTrust(api_key="YOUR_KEY", base_url="${origin}")`,
    'client.trace(conversation_id="hello").message(input="Hello, how are you?").end("I am fine, thank you!")',
  ].join('\n');
}

export function Welcome() {
  const words = text.welcome;
  const { origin } = window.location;
  const code = snippet(origin);
  const [before, after] = code.split('YOUR_KEY');
  return (
    <div className={classes.scroll}>
      <section className={classes.card} aria-labelledby="welcome-title">
        <div className={classes.icon}>
          <IconMessages size={26} stroke={1.6} aria-hidden />
        </div>
        <h1 id="welcome-title" className={classes.title}>
          {words.title}
        </h1>
        <p className={classes.lead}>{words.lead}</p>
        <div className={classes.code}>
          <div className={classes.codeHead}>
            <span>Python</span>
            <CopyTextButton value={() => code} label={words.copy} />
          </div>
          <pre tabIndex={0}>
            <code>
              {before}
              <mark>YOUR_KEY</mark>
              {after}
            </code>
          </pre>
        </div>
        <p className={classes.waiting} role="status">
          <span className="nt-pulse" aria-hidden />
          {words.waiting}
        </p>
        <ul className={classes.notes}>
          <li>
            {words.sdk[0]} <code>{words.sdk[1]}</code>
            {words.sdk[2]} <code>{words.sdk[3]}</code>
            {words.sdk[4]}
          </li>
          <li>
            {words.existing[0]} <code>NEURALTRUST_BASE_URL={origin}</code>
          </li>
          <li>
            {words.demo[0]} <code>{words.demo[1]}</code> {words.demo[2]}
          </li>
        </ul>
      </section>
    </div>
  );
}
