// The words of what explains the totals of tokens and cost.

export const figures = {
  title: 'Why these figures',
  open: 'why',
  close: 'Close the figures',
  help: 'The totals are the sum of these steps. A call of a model that several steps tell of counts once.',
  nothing: 'No step here tells of tokens or of a cost that counts.',
  counted: 'Counted',
  unpriced: 'Without a price',
  leftOut: 'Not counted',
  columns: { step: 'Step', input: 'In', output: 'Out', cost: 'Cost' },
  rest: (count: string) => `${count} more`,
  sum: (steps: string) => `Sum of ${steps}`,
  tooLow: (steps: string) => `The cost is too low by what ${steps} without a price would add.`,
  noModel: 'No model',
  rates: (prices: string) => `A million tokens: ${prices}.`,
  /** Why tokens or a cost are not in the totals. */
  whyNot: {
    repeats_children: 'repeats the steps below',
    same_call_reported_twice: 'another step reports the same call',
    same_call_in_another_trace: 'another trace reports the same call',
    not_a_model_call: 'a part of the call above',
    no_usage: 'tells of no tokens and no cost',
  },
};
