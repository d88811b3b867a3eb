"""Everything that the notebooks of Memory and Messages call.

How data travels, in every subject::

    digits, a book, a graph   ->  tensors           tasks, books, graphs
    tensors                   ->  a model           cells, charlm, layers
    model + tensors           ->  a run             training, experiment
    a grid of runs            ->  a store           study, store
    the store                 ->  published runs    archive
    published runs            ->  figures, findings plots, notebook

Seven wings on a shared ground floor. Inside a wing every module has one job, and imports only go
down: widgets -> plots -> all else. Each wing says in its docstring which others it imports; the
recurrent wing is the base and imports none. Tests read both from the files.

Ground floor
    paths       where things lie, anchored on the package and never on the working directory
    files       files that appear whole, or not at all
    processes   processes that end with their parent, or when asked, and leave no traces
    foreign     texts from elsewhere, shown as text on pages, in figures and in print
    checks      bad input gets a sentence: small validators that raise ``ValueError``
    annotations what an annotation means: the check of an argument
    boundary    every call from outside is held against its annotations
    colors      the hues, apart from matplotlib
    runtime     device, seeds, threads, allocator, progress bars
    steps       the one record that every training loop hands to whoever watches
    together    several trainings at the same time, a core each
    store       finished runs, one file each, named by the run's key
    study       grids of configurations in, a tidy table out: cores or a cluster
    cluster     a study's runs on a Dask cluster, which may be sick
    archive     published runs in data/results: written, read, credited
    staleness   published results that the code would make otherwise say so
    checkpoints models on disk, safetensors and JSON
    figures     house style, palette, showing and saving a figure
    audience    who looks: a person, a batch run, the pages of the site
    captured    what a drawing function shows, as HTML
    hand        a reader's pointer on the pictures; names of controls for screen readers
    explorer    controls above a picture that follows them
    frames      ready frames and their player, for the site
    live        an explorer for a person, its static twin for nobody, frames for a page
    equations   numbered equations that are run: both sides computed and compared
    notebook    parameters checked, a helper's source shown, findings, questions and traps
    late        an import that waits until it is needed
    engine      the papermill engine that cannot hang on widgets
    kernel      what every kernel of the environment starts with
    watch       how far each notebook is, while the runner executes
    run         ``python -m helpers.run``: papermill over the series
    publish     ``python -m helpers.publish``: committed outputs and figures
    site        ``python -m helpers.site``: pages without a kernel
    lab         ``python -m helpers.lab``: JupyterLab on copies of the notebooks
    slides      ``python -m helpers.slides``: a path through each notebook for a lecture
    contents    the table of contents, read from the notebooks' own first cells, and its map
    reports     the five reports: who wrote them, who reports what
    machine     whether this machine is ready
    findings    ``python -m helpers.findings``: README's findings, from the published runs
    new_notebook  ``python -m helpers.new_notebook``: begin a notebook from a template
    timing      measuring side by side
    bench       ``python -m helpers.bench``: the table of ``make bench``

Wings
    recurrent   cells, gradients by hand and their flow, training of a network on a task
    palindromes the study: tasks, runs, growing lengths, what was published, figures, explorers
    optimizers  SGD to AdamW from their equations; landscapes; the race
    text        books, the character model, sampling
    graph       graphs, layers, propagation at size
    combined    one task as sequence and as graph; networks that are both
    exercises   ``python -m helpers.exercises``: workbooks and the checks of their answers

Importing ``helpers`` alone imports nothing heavy.
"""

from helpers.boundary import guard_package
from helpers.late import addresses_late

__version__ = "0.2.0"

addresses_late()
guard_package()
