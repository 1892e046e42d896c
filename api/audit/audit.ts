/** The audit as pages and routes ask for it. */
import type { Actor } from '../identity/actor.js';
import type { Sealer } from '../identity/seal.js';
import { createExporter, type ExportDeps, type Exported } from './export.js';
import { createSearch } from './search.js';
import type { AuditPage, ExportAudit, SearchAudit } from './schemas.js';

export interface Audit {
  search(asked: SearchAudit): Promise<AuditPage>;
  /** Ready to be sent; `gone` when nobody waits for it any more. */
  export(asked: ExportAudit, actor: Actor, gone: AbortSignal): Promise<Exported>;
}

export function createAudit({ sealer, ...deps }: ExportDeps & { sealer: Sealer }): Audit {
  return { search: createSearch({ ...deps, sealer }), export: createExporter(deps) };
}
