/** Trouble that a person can mend: its message is one sentence naming the problem and the way out. */
export class Trouble extends Error {
  override name = 'Trouble';
}
