// A text, formatted or as it came, and not more of it at once than a browser shows well.
import { SegmentedControl } from '@mantine/core';
import { Component, lazy, type ReactNode, Suspense, useState } from 'react';
import { text as words } from '../lib/text';
import { useTextView, type TextView as View } from '../state/preferences';
import button from './button.module.css';
import classes from './text-view.module.css';

const FormattedText = lazy(() => import('./markdown'));

const FIRST_CHARS = 20_000;
/** Beyond this, working out the formatting would freeze the page. */
const MAX_FORMATTED = 100_000;
/** Text without any of these looks the same either way. */
const MARKUP = /[*_`#[\]|>~-]|\n\s*\n|https?:|\d\./;

/** Whether formatting would make a difference. */
export function hasMarkup(text: string): boolean {
  return MARKUP.test(text);
}

export function TextView({ text }: { text: string }) {
  const [view] = useTextView();
  const [all, setAll] = useState(false);
  const cut = !all && text.length > FIRST_CHARS * 1.2;
  const shown = cut ? text.slice(0, FIRST_CHARS) : text;
  const plain = <div className={classes.plain}>{shown}</div>;
  const formatted = view === 'markdown' && shown.length <= MAX_FORMATTED && hasMarkup(shown);
  return (
    <>
      {formatted ? (
        <Fallback plain={plain}>
          <Suspense fallback={plain}>
            <FormattedText text={shown} />
          </Suspense>
        </Fallback>
      ) : (
        plain
      )}
      {cut && (
        <button type="button" className={`${button.words} ${classes.more}`} onClick={() => setAll(true)}>
          {words.content.showAll(text.length.toLocaleString('en-US'))}
        </button>
      )}
    </>
  );
}

/** If the formatter cannot be loaded or trips over a text, the text itself is still there. */
class Fallback extends Component<{ plain: ReactNode; children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    return this.state.failed ? this.props.plain : this.props.children;
  }
}

export function TextViewToggle() {
  const [view, setView] = useTextView();
  return (
    <SegmentedControl
      size="xs"
      value={view}
      onChange={(value) => setView(value as View)}
      aria-label={words.content.view}
      data={[
        { value: 'markdown', label: words.content.markdown },
        { value: 'plain', label: words.content.plain },
      ]}
      className={classes.toggle}
      transitionDuration={100}
    />
  );
}
