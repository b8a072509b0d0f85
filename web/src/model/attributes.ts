// Names of attributes that the page reads (OpenTelemetry's conventions for generative AI).

/** Seconds until a model said something, where its client tells it. */
export const FIRST_TOKEN = 'gen_ai.response.time_to_first_chunk';
