import { expect, it } from 'vitest';
import { invitationLink, invitedKey } from './invitation';

it('carries the key behind the #, and nowhere else', () => {
  const link = new URL(invitationLink('https://nt.example', 'nt_0123 ü'));
  expect([link.origin, link.pathname, link.search]).toEqual(['https://nt.example', '/', '']);
  expect(invitedKey(link.hash)).toBe('nt_0123 ü');
});

it('takes nothing else for an invitation', () => {
  for (const hash of ['', '#', '#main', '#key', '#key=', '#key=%E0%A4%A']) expect(invitedKey(hash)).toBe('');
});
