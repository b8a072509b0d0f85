import { expect, test } from 'vitest';
import { isolated } from './isolated';
import { text } from './text';

const NAME = 'שלום (1)';
const { boards, compare, facets, judging, nav, palette, selection, settings, step, views } = text;

test.each([
  nav.signedIn(NAME),
  facets.without(NAME),
  palette.openConversation(NAME),
  palette.openTrace(NAME),
  palette.list(NAME),
  palette.search(NAME),
  views.by(NAME),
  views.copy(NAME),
  views.forget(NAME),
  views.remove(NAME),
  views.removed(NAME),
  selection.select(NAME),
  compare.with(NAME),
  compare.held('step', NAME),
  judging.change(NAME),
  judging.withdraw(NAME),
  judging.made(NAME, 'once'),
  judging.corrected(NAME),
  judging.withdrawn(NAME),
  step.unknownParentHint(NAME),
  step.explained.by(NAME, ['from today on']),
  boards.change(NAME),
  boards.removeChart(NAME),
  boards.chartRemoved(NAME),
  boards.earlier(NAME),
  boards.later(NAME),
  settings.projectMade(NAME),
  settings.diskHelp('1 GiB', NAME),
  settings.eraseConfirm('User', NAME),
  settings.askedBy(NAME),
  settings.members.roleOf(NAME),
  settings.members.changed(NAME, 'viewer'),
  settings.members.once(NAME, NAME),
  settings.members.removeTitle(NAME),
  settings.prices.removeHelp(NAME),
])('the direction of the name ends with it: %s', (sentence) => {
  expect(sentence).toContain(isolated(NAME));
  expect(sentence.replaceAll(isolated(NAME), '')).not.toContain(NAME);
});

test('what isolates within a name does not reach beyond it, and what turns its letters is kept', () => {
  expect(isolated('\u2067left open')).toBe('\u2068left open\u2069');
  expect(isolated('closed\u2069 too often')).toBe('\u2068closed too often\u2069');
  expect(isolated('\u202Eturned')).toBe('\u2068\u202Eturned\u2069');
});
