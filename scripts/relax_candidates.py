"""Relax one batch of a generation; writes a `relaxed_candidates` artifact."""

from pathlib import Path

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.candidates import Candidates
from lodestone.logs import job_log
from lodestone.paths import ledger
from lodestone.search import candidate, relaxers, relaxing
from lodestone.search.settings import SearchSettings


def main(job):
    with job_log(job.log[0]) as log:
        params, given = job.params, job.input
        settings = SearchSettings.of(params.settings)
        candidates = Candidates.read(given.candidates)
        made = candidate.unpack(candidates)
        at_once, batch = settings.relaxation.at_once, int(job.wildcards.batch)
        groups = relaxing.share(len(made), at_once, batch, params.batches)
        batch = [[made[k] for k in group] for group in groups]
        evaluate, label = relaxers.relaxer(params.settings, given.models, job.threads)
        parents = [given.candidates, *given.models]
        provenance = Provenance.of(label, candidates.provenance.seed, params.settings, parents, params.algorithm)
        record = ledger(job.output.relaxed)
        ended = relaxing.relax_batch(batch, evaluate, settings, record, provenance.key, log)
        every = [one for group in batch for one in group]
        relaxing.pack(every, ended, provenance).write(job.output.relaxed)
        Path(record).unlink(missing_ok=True)


if __name__ == "__main__":
    main(snakemake)
