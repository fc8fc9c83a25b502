import { describe, expect, test } from '@jest/globals';
import { play, RolloutTrace, type TraceEvents, type TracePace } from '../../../test/helpers/rollout-trace.js';
import { planRollout } from './rollout.js';

/** `maxSurge/maxUnavailable` as users write them, or `OnDelete`. */
function strategyOf(text: string): ConstructorParameters<typeof RolloutTrace>[1] {
  if (text === 'OnDelete') return { type: 'OnDelete' };
  const [maxSurge, maxUnavailable] = text.split('/').map((one) => (one.endsWith('%') ? one : Number(one)));
  return { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } };
}

/** A whole rollout. Machines are letters, as `RolloutTrace` reads them; what is expected are the sizes look by look, the current set's first. */
type Row = [
  why: string,
  desired: number,
  strategy: string,
  current: string,
  old: string[],
  expected: string,
  events?: TraceEvents,
  pace?: TracePace,
];

const traced = (...[, desired, strategy, current, old, , events, pace]: Row): string =>
  play(new RolloutTrace(desired, strategyOf(strategy), current, old, pace), planRollout, events);

type Event = TraceEvents[number];
const both =
  (one: Event, other: Event): Event =>
  (t) => {
    one(t);
    other(t);
  };
const scale =
  (to: number): Event =>
  (t) => {
    t.desired = to;
  };
const strategy =
  (text: string): Event =>
  (t) => {
    t.strategy = strategyOf(text);
  };
const template =
  (set: string): Event =>
  (t) =>
    t.template(set);
const lose =
  (set: string, count = 1): Event =>
  (t) =>
    t.lose(set, count);
const pause: Event = (t) => t.pause();
const resume: Event = (t) => t.resume();
/** From now on new machines become ready. */
const repair: Event = (t) => {
  t.pace = {};
};
const never: TracePace = { ready: Number.POSITIVE_INFINITY };

// Known results: worked out by the rules of capi v1.13 machinedeployment_rollout_{rollingupdate,ondelete}.go. Two differences are meant: what was deleted
// by hand is made up for in the same look (there: in the next), and of ill old sets as much goes at once as the bounds allow.
describe('with bounds in percent', () => {
  test.each<Row>([
    ['a quarter of one machine is one more', 1, '25%/25%', '', ['+'], '1|1 1|0'],
    ['a quarter of two is one more, none less', 2, '25%/25%', '', ['++'], '1|2 1|1 2|1 2|0'],
    ['a quarter of five', 5, '25%/25%', '', ['+++++'], '2|4 3|2 5|1 5|0'],
    ['a quarter of ten', 10, '25%/25%', '', ['++++++++++'], '3|8 5|5 8|3 10|0'],
    [
      'a tenth of ten more',
      10,
      '10%/0',
      '',
      ['++++++++++'],
      '1|10 1|9 2|9 2|8 3|8 3|7 4|7 4|6 5|6 5|5 6|5 6|4 7|4 7|3 8|3 8|2 9|2 9|1 10|1 10|0',
    ],
    [
      'a tenth of ten less',
      10,
      '0/10%',
      '',
      ['++++++++++'],
      '0|9 1|9 1|8 2|8 2|7 3|7 3|6 4|6 4|5 5|5 5|4 6|4 6|3 7|3 7|2 8|2 8|1 9|1 9|0 10|0',
    ],
    ['a tenth of five less is none, so one', 5, '0/10%', '', ['+++++'], '0|4 1|4 1|3 2|3 2|2 3|2 3|1 4|1 4|0 5|0'],
    ['nothing either way is one less', 2, '0%/0%', '', ['++'], '0|1 1|1 1|0 2|0'],
    ['all again', 3, '100%/0', '', ['+++'], '3|3 3|0'],
    ['all at once', 3, '0/100%', '', ['+++'], '0|0 3|0'],
  ])('%s', (...row) => expect(traced(...row)).toBe(row[5]));
});

describe('while the deployment is scaled', () => {
  test.each<Row>([
    ['up, early', 5, '1/0', '', ['+++'], '3|3 3|2 4|2 4|1 5|1 5|0'],
    ['up, half way', 3, '1/0', '', ['+++'], '1|3 1|2 4|2 4|1 5|1 5|0', { 3: scale(5) }],
    ['up without surge', 3, '0/1', '', ['+++'], '0|2 4|2 4|1 5|1 5|0 6|0', { 2: scale(6) }],
    ['down, half way', 5, '1/0', '', ['+++++'], '1|5 1|4 1|1 2|1 2|0', { 3: scale(2) }],
    ['down below what is new', 5, '1/0', '', ['+++++'], '1|5 1|4 2|4 2|3 3|3 3|2 2|0', { 7: scale(2) }],
    ['down, percentages follow', 10, '25%/25%', '', ['++++++++++'], '3|8 3|0', { 2: scale(3) }],
    ['to nothing', 3, '1/0', '', ['+++'], '1|3 0|0', { 2: scale(0) }],
    ['to nothing and back', 2, '1/0', '', ['++'], '1|2 0|0 0|0 2|0', { 2: scale(0), 4: scale(2) }],
    ['from nothing', 0, '1/0', '', [''], '0|0 3|0', { 2: scale(3) }],
    ['with more surge', 5, '1/0', '', ['+++++'], '1|5 1|4 4|4 4|1 5|1 5|0', { 3: strategy('3/0') }],
  ])('%s', (...row) => expect(traced(...row)).toBe(row[5]));
});

describe('when the template changes again', () => {
  test.each<Row>([
    [
      'a third revision half way',
      3,
      '1/0',
      '',
      ['+++'],
      '1|3 1|2 1|2,1 1|1,1 2|1,1 2|0,1 3|0,1 3|0,0',
      { 3: template('m') },
    ],
    ['a third revision, both ways', 6, '3/1', '', ['++++++'], '3|5 1|2,3 4|1,3 5|0,1 6|0,0', { 2: template('m') }],
    [
      'a third revision without surge',
      3,
      '0/1',
      '',
      ['+++'],
      '0|2 1|2 0|1,1 1|1,1 1|0,1 2|0,1 2|0,0 3|0,0',
      { 3: template('m') },
    ],
    [
      'a third revision in place of one that never became ready',
      3,
      '1/0',
      '',
      ['+++'],
      '1|3 0|3,0 1|3,0 1|2,0 2|2,0 2|1,0 3|1,0 3|0,0',
      {
        2: both(template('m'), repair),
      },
      never,
    ],
    [
      'a fourth too',
      3,
      '1/0',
      '',
      ['+++'],
      '1|3 0|2,1 1|2,1,0 1|1,1,0 2|1,1,0 2|0,1,0 3|0,1,0 3|0,0,0',
      { 2: template('m'), 3: template('o') },
    ],
    ['back to the old one', 3, '1/0', '', ['+++'], '1|3 1|2 2|2 2|1 3|1 3|0', { 4: template('a') }],
    ['back, both ways', 10, '25%/25%', '', ['++++++++++'], '3|8 10|0', { 2: template('a') }],
    ['back from machines that never became ready', 3, '1/0', '', ['+++'], '1|3 1|3 3|0', { 3: template('a') }, never],
    [
      'back without surge, from what never became ready',
      3,
      '0/1',
      '',
      ['+++'],
      '0|2 1|2 1|2 2|0 3|0',
      {
        4: both(template('a'), repair),
      },
      never,
    ],
    [
      'back to the younger of two',
      4,
      '1/0',
      '',
      ['++', '++'],
      '1|2,2 2|1,1 3|1,1 3|0,1 4|0,1 4|0,0',
      { 2: template('b') },
    ],
  ])('%s', (...row) => expect(traced(...row)).toBe(row[5]));
});

describe('old machines that are not available', () => {
  test.each<Row>([
    ['the only one', 1, '1/0', '', ['-'], '1|1 1|0'],
    ['one of three: the deadlock is broken', 3, '1/0', '', ['++-'], '1|3 1|2 2|2 2|1 3|1 3|0'],
    ['two of three', 3, '1/0', '', ['+--'], '1|3 1|2 2|2 2|1 3|1 3|0'],
    ['all of them', 3, '1/0', '', ['---'], '1|3 1|2 2|2 2|1 3|1 3|0'],
    ['one of two, without surge', 2, '0/1', '', ['+-'], '0|1 1|1 1|0 2|0'],
    ['failed ones, both ways', 3, '1/1', '', ['+!!'], '1|3 1|2 2|2 2|0 3|0'],
    [
      'all of the younger set',
      5,
      '1/0',
      '',
      ['+++', '--'],
      '1|3,2 1|3,1 2|3,1 2|3,0 3|3,0 3|2,0 4|2,0 4|1,0 5|1,0 5|0,0',
    ],
    ['some of the older set', 5, '1/1', '', ['+!!', '++'], '1|3,2 1|2,2 2|2,2 2|0,2 4|0,2 4|0,0 5|0,0'],
    ['ill when it begins, well later', 3, '1/0', '', ['+--'], '1|3 1|2 2|2 2|1 3|1 3|0', { 2: (t) => t.heal('a') }],
    ['ill while it goes on', 3, '1/0', '', ['+++'], '1|3 1|2 2|2 2|1 3|1 3|0', { 2: (t) => t.fail('a', 2) }],
  ])('%s', (...row) => expect(traced(...row)).toBe(row[5]));
});

describe('new machines that do not become available', () => {
  test.each<Row>([
    ['stop it with one more', 3, '1/0', '', ['+++'], '1|3', {}, never],
    ['stop it with one less', 3, '0/1', '', ['+++'], '0|2 1|2', {}, never],
    ['stop it within both bounds', 10, '25%/25%', '', ['++++++++++'], '3|8 5|8', {}, never],
    ['stop it with all twice', 3, '100%/0', '', ['+++'], '3|3', {}, never],
    ['stop nothing where all may be missing', 3, '0/100%', '', ['+++'], '0|0 3|0', {}, never],
    ['are not made up for by old ones that are ill', 3, '1/0', '', ['++-'], '1|3', {}, never],
    [
      'are replaced, then it goes on',
      3,
      '1/0',
      '',
      ['+++'],
      '1|3 1|3 1|3 1|3 1|2 2|2 2|1 3|1 3|0',
      { 4: both(repair, lose('n', 9)) },
      never,
    ],
    [
      'later hold it up, until they recover',
      3,
      '1/0',
      '',
      ['+++'],
      '1|3 1|2 2|2 2|2 2|2 2|1 3|1 3|0',
      {
        3: (t) => t.fail('n'),
        6: (t) => t.heal('n'),
      },
    ],
  ])('%s', (...row) => expect(traced(...row)).toBe(row[5]));
});

describe('machines that take their time', () => {
  test.each<Row>([
    [
      'minReadySeconds, one more',
      3,
      '1/0',
      '',
      ['+++'],
      '1|3 1|3 1|3 1|2 2|2 2|2 2|2 2|1 3|1 3|1 3|1 3|0',
      {},
      { ready: 2 },
    ],
    ['minReadySeconds, one less', 3, '0/1', '', ['+++'], '0|2 1|2 1|2 1|1 2|1 2|1 2|0 3|0 3|0', {}, { ready: 1 }],
    ['minReadySeconds, both ways', 5, '2/1', '', ['+++++'], '2|4 3|4 3|2 5|1 5|1 5|0', {}, { ready: 1 }],
    ['drained, one more', 3, '1/0', '', ['+++'], '1|3 1|2 1|2 1|2 2|2 2|1 2|1 2|1 3|1 3|0 3|0 3|0', {}, { drain: 2 }],
    ['drained, one less', 3, '0/1', '', ['+++'], '0|2 0|2 0|2 1|2 1|1 1|1 1|1 2|1 2|0 2|0 2|0 3|0', {}, { drain: 2 }],
    [
      'drained and slow to be ready, both ways',
      4,
      '1/1',
      '',
      ['++++'],
      '1|3 1|3 2|2 2|2 3|1 3|1 4|0 4|0',
      {},
      { ready: 1, drain: 1 },
    ],
    [
      'drained, with ill ones among them',
      4,
      '1/0',
      '',
      ['++--'],
      '1|4 1|3 1|3 2|3 2|2 2|2 3|2 3|1 3|1 4|1 4|0 4|0',
      {},
      { drain: 1 },
    ],
  ])('%s', (...row) => expect(traced(...row)).toBe(row[5]));
});

describe('a pause', () => {
  test.each<Row>([
    [
      'before anything was rolled out',
      3,
      '1/0',
      '',
      ['+++'],
      '0|3 0|3 1|3 1|2 2|2 2|1 3|1 3|0',
      { 1: pause, 3: resume },
    ],
    ['half way', 4, '1/0', '', ['++++'], '1|4 1|3 2|3 2|3 2|3 2|2 3|2 3|1 4|1 4|0', { 4: pause, 6: resume }],
    [
      'half way, scaled up in proportion',
      4,
      '1/0',
      '',
      ['++++'],
      '1|4 1|3 2|3 4|5 4|5 4|4 5|4 5|3 6|3 6|2 7|2 7|1 8|1 8|0',
      {
        4: both(pause, scale(8)),
        6: resume,
      },
    ],
    [
      'half way, scaled down in proportion',
      10,
      '25%/25%',
      '',
      ['++++++++++'],
      '3|8 5|5 5|3 5|3 5|0 6|0',
      {
        3: both(pause, scale(6)),
        5: resume,
      },
    ],
    [
      'scaled to nothing',
      3,
      '1/0',
      '',
      ['+++'],
      '1|3 1|2 0|0',
      {
        3: both(pause, scale(0)),
      },
    ],
  ])('%s', (...row) => expect(traced(...row)).toBe(row[5]));
});

describe('machines that somebody deletes', () => {
  test.each<Row>([
    ['an old one while it rolls', 3, '1/0', '', ['+++'], '1|3 1|2 2|2 2|1 3|1 3|0', { 2: lose('a') }],
    ['a new one while it rolls', 3, '1/0', '', ['+++'], '1|3 1|2 2|2 2|2 2|1 3|1 3|0', { 4: lose('n') }],
    ['all old ones while it rolls', 3, '1/0', '', ['+++'], '1|3 1|2 2|2 2|1 3|1 3|0', { 2: lose('a', 3) }],
    ['none, on delete', 3, 'OnDelete', '', ['+++'], '0|3'],
    ['one, on delete', 3, 'OnDelete', '', ['+++'], '0|3 1|2', { 2: lose('a') }],
    [
      'one after the other, on delete',
      3,
      'OnDelete',
      '',
      ['+++'],
      '0|3 1|2 1|2 2|1 3|0',
      { 2: lose('a'), 4: lose('a'), 5: lose('a') },
    ],
    ['all at once, on delete', 3, 'OnDelete', '', ['+++'], '0|3 3|0', { 2: lose('a', 3) }],
    [
      'some of two sets, on delete',
      4,
      'OnDelete',
      '',
      ['++', '++'],
      '0|2,2 1|2,1 3|0,1',
      { 2: lose('b'), 3: lose('a', 2) },
    ],
    ['a new one, on delete', 2, 'OnDelete', '+', ['+'], '1|1 1|1', { 2: lose('n') }],
    ['one, on delete and scaled up', 6, 'OnDelete', '+++', ['+++'], '6|3 7|2', { 1: scale(9), 2: lose('a') }],
    [
      'one, on delete and scaled down',
      5,
      'OnDelete',
      '+',
      ['++', '++'],
      '1|2,2 2|2,1 2|0,1',
      { 2: lose('b'), 3: scale(3) },
    ],
    [
      'one, on delete, then rolled',
      3,
      'OnDelete',
      '',
      ['+++'],
      '0|3 1|2 2|2 2|1 3|1 3|0',
      {
        2: lose('a'),
        3: strategy('1/0'),
      },
    ],
    [
      'one, on delete, then back',
      3,
      'OnDelete',
      '',
      ['+++'],
      '0|3 1|2 2|1 3|0',
      { 2: lose('a'), 3: template('a'), 4: lose('n') },
    ],
  ])('%s', (...row) => expect(traced(...row)).toBe(row[5]));
});

test.each<[why: string, old: string, expected: string, gone: string[]]>([
  ['in the order of their names', '+++', '1|3 1|2 2|2 2|1 3|1 3|0', ['a1', 'a2', 'a3']],
  ['marked ones first', '++*', '1|3 1|2 2|2 2|1 3|1 3|0', ['a3', 'a1', 'a2']],
  ['failed ones first', '+!+', '1|3 1|2 2|2 2|1 3|1 3|0', ['a2', 'a1', 'a3']],
  // a marked one that is available goes while a failed one stays: why the worst is assumed of a cut
  ['marked ones before failed ones', '+!*', '1|3 1|2 2|2 2|1 3|1 3|0', ['a3', 'a2', 'a1']],
])('old machines go: %s', (_, old, expected, gone) => {
  const trace = new RolloutTrace(3, strategyOf('1/0'), '', [old]);
  expect(play(trace, planRollout)).toBe(expected);
  expect(trace.gone).toEqual(gone);
});
