// Mantine in the colours of theme.css, and the reader's choice of light or dark.
import {
  type CSSVariablesResolver,
  createTheme,
  localStorageColorSchemeManager,
  type MantineColorsTuple,
} from '@mantine/core';
import { COLOR_SCHEME_KEY } from './state/preferences';

const brand: MantineColorsTuple = [
  '#e7faf6',
  '#cdf2ea',
  '#9ee4d6',
  '#6ad3c0',
  '#45c3af',
  '#1fa893',
  '#138f7d',
  '#0b6d60',
  '#0a5d53',
  '#074a42',
];

/** Mantine's dark greys with our tint: 0 is text, 4 borders, 6 inputs, 7 the ground. */
const dark: MantineColorsTuple = [
  '#e8eded',
  '#c2cbcc',
  '#96a3a6',
  '#6b787c',
  '#3a4549',
  '#252d30',
  '#151a1c',
  '#0e1213',
  '#0a0d0e',
  '#060808',
];

export const theme = createTheme({
  colors: { brand, dark },
  primaryColor: 'brand',
  // White on this shade passes WCAG AA in both schemes.
  primaryShade: 7,
  defaultRadius: 'md',
  cursorType: 'pointer',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace: 'var(--nt-mono)',
  respectReducedMotion: true,
  components: { Button: { styles: { label: { fontWeight: 550 } } } },
});

// NOTE: Mantine's own grey for dimmed text and placeholders fails WCAG AA on a tinted ground; ours passes.
const shared = {
  '--mantine-color-body': 'var(--nt-bg)',
  '--mantine-color-text': 'var(--nt-text)',
  '--mantine-color-dimmed': 'var(--nt-muted)',
  '--mantine-color-placeholder': 'var(--nt-muted)',
  '--mantine-color-error': 'var(--nt-red)',
  '--mantine-color-default': 'var(--nt-surface)',
  '--mantine-color-default-hover': 'var(--nt-hover)',
  '--mantine-color-default-border': 'var(--nt-line-strong)',
  '--mantine-color-default-color': 'var(--nt-text)',
};

export const cssVariablesResolver: CSSVariablesResolver = () => ({ variables: {}, light: shared, dark: shared });

export const colorSchemeManager = localStorageColorSchemeManager({ key: COLOR_SCHEME_KEY });

/** Sets the scheme before the first paint. This cannot be an inline script: the CSP forbids those. */
export function applyColorScheme(): void {
  const chosen = colorSchemeManager.get('auto');
  const dark = chosen === 'dark' || (chosen === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
}
