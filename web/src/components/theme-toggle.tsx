// Automatic, light, dark: one button that goes round.
import { ActionIcon, type MantineColorScheme, useMantineColorScheme } from '@mantine/core';
import { IconDeviceDesktop, IconMoon, IconSun } from '@tabler/icons-react';
import { text } from '../lib/text';

const ICONS = { auto: IconDeviceDesktop, light: IconSun, dark: IconMoon };

export function nextScheme(scheme: MantineColorScheme): MantineColorScheme {
  if (scheme === 'auto') return 'light';
  return scheme === 'light' ? 'dark' : 'auto';
}

export function ThemeToggle() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Icon = ICONS[colorScheme];
  const label = text.nav.theme(text.nav.themes[colorScheme]);
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size={32}
      aria-label={label}
      title={label}
      onClick={() => setColorScheme(nextScheme(colorScheme))}
    >
      <Icon size={18} stroke={1.7} />
    </ActionIcon>
  );
}
