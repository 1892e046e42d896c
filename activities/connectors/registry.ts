/** Every kind of target that a zone file can name. Opening one reaches nothing yet: `check` does. */
import type { Ceiling } from '../ceiling.js';
import type { Zone } from '../zone.js';
import type { Connector } from './connector.js';
import { postgres } from './postgres/index.js';

export interface ConnectorSettings {
  installation: string;
  /** As the zone file states it; the connector reads it and refuses a wrong one. */
  address: Record<string, unknown>;
  /** The secret itself. */
  credential: string;
}

export const registry = { postgres } satisfies Record<string, (settings: ConnectorSettings) => Connector>;

export type Kind = keyof typeof registry;

function isKind(kind: string): kind is Kind {
  return Object.hasOwn(registry, kind);
}

/** A new instance with its own connections. Throws an Error that names file and field. */
export function openConnector(zone: Zone, installation: string): Connector {
  const { file, kind, address, credential } = zone;
  if (!isKind(kind)) {
    throw new Error(`${file}: kind: ${kind} is no kind of target; known: ${Object.keys(registry).join(', ')}.`);
  }
  return named(`${file}: address`, () => registry[kind]({ installation, address, credential }));
}

/** The ceilings of a zone with the privileges as the connector reads them. Throws an Error that names file and field. */
export function readPrivileges(zone: Zone, connector: Connector): Map<string, Ceiling> {
  return new Map(
    [...zone.ceilings].map(([entitlement, ceiling]) => {
      const field = `${zone.file}: entitlements.${entitlement}.privilege`;
      return [entitlement, { ...ceiling, privilege: named(field, () => connector.parsePrivilege(ceiling.privilege)) }];
    }),
  );
}

function named<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${field}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
