// An image, a sound, a film or a file that a message shows. Nothing of it runs: images and sounds are only drawn and played,
// and everything else is a link.
import { useState } from 'react';
import { bytesText } from '../lib/bytes';
import { isolated } from '../lib/isolated';
import { text } from '../lib/text';
import { type Medium, viewOf } from '../model/media';
import classes from './media-view.module.css';

export function MediaView({ medium }: { medium: Medium }) {
  const [failed, setFailed] = useState(false);
  const { uri, mimeType, name, bytes } = medium;
  const what = name ? isolated(name) : (mimeType ?? text.content.media);
  const label = bytes ? `${what} · ${bytesText(bytes)}` : what;
  const view = viewOf(medium);
  if (!uri || view === 'label') return <span className={classes.label}>{label}</span>;
  if (failed) {
    return (
      <span className={classes.label} role="alert">
        {text.content.mediaFailed(label)}
      </span>
    );
  }
  const onError = () => setFailed(true);
  switch (view) {
    case 'image':
      return (
        <img
          className={classes.image}
          src={uri}
          alt={name ?? text.content.image}
          title={label}
          loading="lazy"
          decoding="async"
          onError={onError}
        />
      );
    case 'audio':
      // biome-ignore lint/a11y/useMediaCaption: what was recorded has no captions
      return <audio className={classes.audio} src={uri} aria-label={label} controls preload="none" onError={onError} />;
    case 'video':
      // biome-ignore lint/a11y/useMediaCaption: what was recorded has no captions
      return <video className={classes.image} src={uri} aria-label={label} controls preload="none" onError={onError} />;
    default:
      return (
        <a className={classes.label} href={uri} target="_blank" rel="noopener noreferrer nofollow">
          {label}
        </a>
      );
  }
}
