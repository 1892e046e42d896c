/** What operators read about an account that no grant explains. */
import type { Stray } from '../contract.js';
import type { Letter } from './letter.js';
import type { Reader } from './recipients.js';
import { grantUrl } from './texts.js';
import { timeIn } from './words.js';

export function strayLetter({ target, grantId, account, removal }: Stray, portalUrl: string, reader: Reader): Letter {
  return {
    subject: removal
      ? `Removed at ${target}: an account that no grant explains`
      : `Still stands at ${target}: an account that no grant explains`,
    sentences: [
      removal
        ? `Daypass found an account of its own at ${target} that no running grant owes, and removed it.`
        : `An account of Daypass stands at ${target} that no running grant owes. It could not be removed yet; every pass tries again.`,
      'Find out how it came to stand there: a grant whose workflow was terminated, or someone who used the connector’s credentials.',
    ],
    facts: [
      { label: 'Account', value: account },
      { label: 'Grant', value: grantId },
      ...(removal
        ? [
            { label: 'Confirmed gone', value: timeIn(reader.timeZone, removal.verifiedAt) },
            { label: 'Connections ended', value: String(removal.sessionsEnded) },
          ]
        : []),
    ],
    list: removal && { label: 'Remarks of the connector', items: removal.remarks },
    link: { label: 'Open the grant', url: grantUrl(portalUrl, grantId) },
    footer: 'You get this mail because you operate Daypass. Nothing happens by opening the link.',
  };
}
