"""Everything that the notebooks of Memory and Messages call.

How data travels, in every subject::

    digits, a book, a graph   ->  tensors           palindromes, books, graphs
    tensors                   ->  a model           cells, charlm, layers
    model + tensors           ->  a run             training, experiments
    a grid of runs            ->  a store, a table  study, results
    table                     ->  figures, findings plots, notebook

Five wings on a shared ground floor. Inside a wing every module has one job, and imports only go
down: widgets -> plots -> experiments -> models -> data -> ground floor. The recurrent wing is the
base: the others may import from it, it imports from none, and they never from each other. Only the
combined wing, where sequences meet graphs, imports from two.

Ground floor
    paths       where things lie, anchored on the package and never on the working directory
    checks      bad input gets a sentence: small validators that raise ``ValueError``
    runtime     device, seeds, threads, allocator, progress bars, interactive or headless
    results     the store of runs, one file each, named by the run's key
    checkpoints models on disk, safetensors and JSON
    study       a grid of configurations in, a tidy table out: cores or a cluster
    figures     house style, palette, showing and saving a figure
    live        an explorer in JupyterLab, its static twin everywhere else
    notebook    parameters checked, a helper's source shown, findings and exercises
    engine      the papermill engine that cannot hang on widgets
    run         ``python -m helpers.run``: papermill over the series
    timing      measuring side by side
    bench       ``python -m helpers.bench``: the table of ``make bench``
    publish     ``python -m helpers.publish``: committed outputs and figures

Wings
    recurrent   RNN, LSTM, GRU; gradients by hand; palindromes and their study
    optimizers  SGD to AdamW from their equations; landscapes
    text        books, the character model, sampling
    graph       graphs, GCN, GAT, gated graph networks, propagation at size
    combined    one task as sequence and as graph; networks that are both

Importing ``helpers`` alone imports nothing heavy.
"""

__version__ = "0.1.0"
