/** Mocha's usual report on the screen, and the same as data in a file, so that sums are counted and not read off text. */
const { writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const failures = [];
    runner.on(Runner.constants.EVENT_TEST_FAIL, (test, error) => {
      failures.push({ title: test.fullTitle(), message: String(error?.message ?? error) });
    });
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes } = runner.stats;
      writeFileSync(options.reporterOptions.output, JSON.stringify({ passed: passes, failures }));
    });
  }
};
