/** Chromium's own virtual authenticator: a device with a passkey, whose person says who they are, or does not. */
import type { CDPSession, Page } from 'playwright-core';

export interface Device {
  /** Whether its person gives the finger or the PIN from now on. */
  verifies(isVerified: boolean): Promise<void>;
  /** Sets back what its passkeys count, as a copy from before would. */
  countsFrom(counter: number): Promise<void>;
}

export async function device(page: Page): Promise<Device> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    verifies: async (isUserVerified) =>
      void (await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })),
    countsFrom: (counter) => recount(cdp, authenticatorId, counter),
  };
}

async function recount(cdp: CDPSession, authenticatorId: string, signCount: number): Promise<void> {
  const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId });
  for (const credential of credentials) {
    await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credential.credentialId });
    await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, signCount } });
  }
}
