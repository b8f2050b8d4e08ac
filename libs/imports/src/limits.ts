const KiB = 1_024;
const MiB = 1_024 * KiB;

/** Every size of the import door in one place. What exceeds a limit of the file is refused whole, what exceeds one of a cell by cell. */
export const importLimits = {
  /** The city's five years are 130 MB. */
  fileBytes: 512 * MiB,
  rows: 5_000_000,
  columns: 256,
  /** In UTF-16 units, as a spreadsheet counts. */
  cellLength: 2_000,
  /** One row: a quotation mark that nobody closes would otherwise swallow the file into one cell. */
  recordBytes: 256 * KiB,
  /** The heading row has to come within these, below whatever title block there is. */
  headingRows: 30,
  headBytes: 256 * KiB,
  /** Parsed at once, between two turns of the event loop. */
  sliceBytes: 64 * KiB,
  fileNameLength: 200,
} as const;

/** Rows a transaction. */
export const importChunks = {
  /** Judged and staged together. 1,000, 2,000 and 5,000 went at one rate; the longest pause of the event loop grew from 90 to 130 and 220 ms. */
  stageRows: 1_000,
  /** A chunk is cut earlier where its rows are long, so that memory is bounded by characters and not by rows. */
  stageLength: 2 * MiB,
  /** Applied together; the locks of a chunk are what live commands may have to wait for. */
  applyRows: 1_000,
  /** Planned or applied at once while people type: what comes during a step waits for its turns of the event loop. With 25 its statements cost more than its rows. */
  rowsBesidePeople: 100,
  /** Of rejected rows read at once for the file that goes back. */
  rejectedRows: 1_000,
  /** Deleted or emptied at once when they expire. */
  expireRows: 10_000,
} as const;

/** Every wait, in milliseconds. */
export const importWaits = {
  /** No byte of the upload for so long: refused as incomplete. */
  uploadIdle: 30_000,
  /** A whole upload: one byte every 29 s must not hold its place for days. */
  upload: 7_200_000,
  heartbeat: 3_000,
  /** A commit or revocation whose holder was not heard of for so long is taken over. */
  abandoned: 10_000,
  /** An upload's: longer, for nobody can take it over; it is refused. */
  uploadAbandoned: 60_000,
  /** At most so long an import rests after a step, and again waits for commands to be answered: a door that is always busy slows it down and does not stop it. */
  givingWay: 100,
  /** How often a runner with nothing to do looks for work that another process left. */
  idlePoll: 5_000,
  /** After how long a runner turns from one import to the next that waits, so that a small one never waits for a million rows. */
  slice: 1_000,
  /** First and longest wait after a failed chunk. */
  retryFirst: 200,
  retryLongest: 30_000,
  expiryPoll: 3_600_000,
} as const;

/** How long staged rows are kept, in days. They hold personal data, so no longer than their use. */
export const importKeeps = {
  /** A plan nobody committed, and a refused upload. */
  plan: 7,
  /** After the end of a commit or revocation: original cells, values and rejected rows. Row numbers stay, so that it can be revoked later too. */
  cells: 90,
} as const;

export const uploadsAtOnce = 2;
