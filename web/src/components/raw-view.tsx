// A conversation as the server tells it.
import { Button } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { saveFile } from '../lib/save-file';
import { text } from '../lib/text';
import { pretty } from '../model/content';
import { CopyTextButton } from './copy-button';
import { JsonTree } from './json-tree';
import classes from './view-switch.module.css';

export function RawView({ name, value }: { name: string; value: unknown }) {
  return (
    <section className={classes.raw} aria-label={text.conversation.views.raw} tabIndex={0}>
      <div className={classes.actions}>
        <CopyTextButton value={() => pretty(value)} label={text.conversation.copyJson} />
        <Button
          size="compact-sm"
          fz={13}
          variant="default"
          leftSection={<IconDownload size={14} />}
          onClick={() => saveFile(`${name}.json`, 'application/json', pretty(value))}
        >
          {text.conversation.saveJson}
        </Button>
      </div>
      <JsonTree value={value} openDepth={2} bare />
    </section>
  );
}
