import { fileURLToPath } from 'node:url';

/** What the last release left, for the next one to start on. */
export const releaseFolder = fileURLToPath(new URL('../../apps/standalone/fixtures/release/', import.meta.url));

export const releaseFiles = {
  /** Of the product in one process on the embedded bus, with what it reported. */
  city: 'city.tar.zst',
  /** Of the services on Kafka: their databases, and every message of every topic. */
  stack: 'stack.tar.zst',
  messages: 'messages.jsonl.zst',
  about: 'release.json',
} as const;

/** Beside the packed data. */
export interface Release {
  /** Of the code that made it. */
  readonly commit: string;
  /** The five-year report as each city answered it. */
  readonly reports: { readonly city: unknown; readonly stack: unknown };
  /** Nominations that were approved, and one withdrawn, when quota no longer listened. */
  readonly unanswered: { readonly approve: readonly string[]; readonly withdraw: string };
}

export const fiveYears = '/api/reporting/v1/five-years?from=2018&to=2022';
/** All that is kept together may take this much, in bytes. */
export const mostBytes = 8 * 1024 * 1024;
