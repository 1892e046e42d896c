/** What a connector's contract is tried on: a real target, and what a test must be able to do there. */
import type { Connector, Credential } from '../../activities/connectors/connector.js';

/** A real target, and what a test must be able to do there. */
export interface Ground<Privilege> {
  connector: Connector<Privilege>;
  /** Of the same target, under another installation's name. */
  stranger: Connector<Privilege>;
  /** Of the same target, by a line that breaks before it hands over the answer to the next change. */
  losingAnswers(): Promise<Connector<Privilege>>;
  /** Of a target that is not there. */
  unreachable: Connector<Privilege>;
  /** Two that a ceiling could name; the second's name is as hostile as the target allows. */
  privileges: [Privilege, Privilege];
  /** Logs in; rejects when the target refuses. */
  login(credential: Credential): Promise<Live>;
}

/** What is open at the target under an account. */
export interface Live {
  /** Rejects when the privilege no longer holds. */
  use(): Promise<void>;
  isOpen(): Promise<boolean>;
  close(): Promise<void>;
}
