/** Single statements of an order: signed by a key that counts now, of the type that belongs there, about this very request. */
import type { DecisionStatement, RequestStatement, Statement } from '../../workflows/domain/evidence.js';
import { verifyStatement } from '../platform/jws.js';
import type { JwkSet } from '../platform/keys.js';
import { TargetError } from './connector.js';

type Decision = Exclude<DecisionStatement, RequestStatement>;

/** What this JWS says, if one of `keys` signed it and it is of that type. */
export async function signed<Type extends Statement['type']>(
  jws: string,
  type: Type,
  keys: JwkSet,
): Promise<Extract<Statement, { type: Type }>> {
  const statement = await verifyStatement(jws, keys).catch((error: unknown) =>
    noEvidence(error instanceof Error ? error.message : 'A statement does not verify.'),
  );
  if (!isOf(statement, type)) return noEvidence('A statement stands where one of another type belongs.');
  return statement;
}

/** A decision of that type about exactly this request: the digest holds who, what, why and for how long. */
export async function signedAbout<Type extends Decision['type']>(
  request: RequestStatement,
  jws: string,
  type: Type,
  keys: JwkSet,
): Promise<Extract<Statement, { type: Type }>> {
  const decision = await signed(jws, type, keys);
  const { installation, grantId, requestDigest }: Decision = decision;
  if (installation !== request.installation) return noEvidence('A decision is for another installation.');
  if (grantId !== request.grantId) return noEvidence('A decision belongs to another grant.');
  if (requestDigest !== request.requestDigest) return noEvidence('A decision is about another request.');
  return decision;
}

function isOf<Type extends Statement['type']>(
  statement: Statement,
  type: Type,
): statement is Extract<Statement, { type: Type }> {
  return statement.type === type;
}

export function no(code: TargetError['code'], because: string): never {
  throw new TargetError('refused', code, because);
}

export function noEvidence(because: string): never {
  return no('bad-evidence', because);
}

export function aboveCeiling(because: string): never {
  return no('ceiling-refused', because);
}
