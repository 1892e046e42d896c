/** A browser without a screen: keeps cookies, follows redirects one by one, and says where its forms come from. */
export class Visitor {
  readonly jar = new Map<string, string>();
  private readonly portal: string;
  private readonly actual: string;

  /** `portal` is the address that the portal believes in, `actual` where it listens in this test. */
  constructor(portal: string, actual: string) {
    this.portal = portal;
    this.actual = actual;
  }

  /** One request, without following. */
  async go(to: string | URL, form?: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
    return this.send(to, form && new URLSearchParams(form), headers);
  }

  /** A call as a script of the portal's own pages makes it. */
  async call(to: string, body: object = {}, headers: Record<string, string> = {}): Promise<Response> {
    return this.send(to, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
  }

  private async send(
    to: string | URL,
    body: string | URLSearchParams | undefined,
    headers: Record<string, string>,
  ): Promise<Response> {
    const url = new URL(new URL(to, this.portal).href.replace(this.portal, this.actual));
    const sent = new Headers(headers);
    if (!sent.has('cookie')) sent.set('cookie', [...this.jar].map(([name, value]) => `${name}=${value}`).join('; '));
    if (body !== undefined && !sent.has('origin'))
      sent.set('origin', url.origin === new URL(this.actual).origin ? this.portal : url.origin);
    const method = body === undefined ? 'GET' : 'POST';
    const response = await fetch(url, { redirect: 'manual', headers: sent, method, body });
    for (const cookie of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split(/=(.*)/s);
      if (value === '') this.jar.delete(name);
      else this.jar.set(name, value);
    }
    return response;
  }

  /** Up to the callback of the portal, which is not visited yet. */
  async comeBack(account: string, returnTo = '/'): Promise<URL> {
    let url = new URL(`/sign-in?returnTo=${encodeURIComponent(returnTo)}`, this.portal);
    let form: Record<string, string> | undefined;
    while (url.pathname !== '/sign-in/callback') {
      const response = await this.go(url, form);
      const location = response.headers.get('location');
      if (location === null) {
        const page = await response.text();
        // The provider ends the sign-in of another account first, by a form that sends itself.
        const ending = /action="([^"]+)"[^]*name="xsrf" value="([^"]+)"/.exec(page);
        if (form && !ending) throw new Error(`stopped at ${url.href} with ${response.status}: ${page}`);
        if (ending) url = new URL(ending[1] ?? '');
        form = ending ? { xsrf: ending[2] ?? '', logout: 'yes' } : { account };
        continue;
      }
      form = undefined;
      url = new URL(location, url);
    }
    return url;
  }

  /** Where the portal leads after the sign-in. */
  async signIn(account: string, returnTo?: string): Promise<string | null> {
    const response = await this.go(await this.comeBack(account, returnTo));
    if (response.status !== 303) throw new Error(`the callback answered ${response.status}: ${await response.text()}`);
    return response.headers.get('location');
  }
}
