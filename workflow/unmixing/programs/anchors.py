"""Makes a store of anchors: the vectors of all names, computed once, so that unmixing needs no text encoder.

Encoders:
  openclip:MODEL:TAG     text tower of CLIP; weights from the network, once
  openclip:MODEL:FILE    the same from a local checkpoint (.safetensors, .pt, .pth, .bin)
  openclip:FOLDER        a folder with open_clip_config.json and weights
  minilm                 a sentence encoder without images (package of the extra `text`)
  ngrams, hash, random   controls: spelling, whole words, chance; `ngrams:384` sets the length

Only anchors of a trained CLIP text tower are called CLIP. A model is used with anchors of the encoder that it was
trained with; others are refused.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unmixing.semantic.ontology import Ontology


def main(arguments: list[str]) -> int:
    """Write one store, or check one."""
    parser = argparse.ArgumentParser(
        prog="unmixing anchors", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("encoder", help="see above")
    parser.add_argument("-o", "--output", type=Path, help="the store to write, .parquet")
    parser.add_argument(
        "--check", type=Path, metavar="STORE", help="see that the encoder still gives a store's vectors"
    )
    parser.add_argument(
        "--prompts", type=Path, help="a text file with one name per line; by default all names of the study"
    )
    parser.add_argument("--ontology", type=Path, action="append", default=[], help="a file that adds concepts")
    parser.add_argument(
        "--templates", default="bare", help="set of sentences around a name (data/prompts_templates.yaml), averaged"
    )
    parser.add_argument(
        "--dimension", type=int, help="project on so many principal axes, such as 384 for a model of size S"
    )
    options = parser.parse_args(arguments)
    from unmixing.errors import UnmixingError
    from unmixing.semantic.anchor_store import build_anchors, check_anchors, read_anchors, write_anchors
    from unmixing.semantic.anchors import reduced_anchors
    from unmixing.semantic.prompts import load_templates, study_ontology
    from unmixing.semantic.text import load_encoder

    if (options.output is None) == (options.check is None):
        raise UnmixingError("either a store to write or one to check is needed: give -o FILE or --check FILE")
    if options.check is not None:
        store = read_anchors(options.check)
        check_anchors(store, load_encoder(options.encoder))
        print(f"{options.check}: {len(store.rows)} texts of {store.label}; the encoder still gives their vectors")
        return 0
    if options.output.suffix != ".parquet":
        raise UnmixingError(f"{options.output}: a store is written as .parquet: choose that ending")
    sets = load_templates()
    if options.templates not in sets:
        raise UnmixingError(f"templates {options.templates!r} are unknown: choose from {', '.join(sets)}")
    ontology = None
    if options.prompts is not None or options.ontology:
        ontology = study_ontology(*options.ontology)
        if options.prompts is not None:
            ontology = _named(options.prompts, ontology)
    store = build_anchors(load_encoder(options.encoder), ontology, sets[options.templates])
    told = ""
    if options.dimension is not None:
        store, kept = reduced_anchors(store, options.dimension)
        told = f", {kept:.1%} of their sum of squares kept"
    write_anchors(store, options.output)
    print(f"{store.label}: {len(store.rows)} texts, {store.dimension} numbers each{told}")
    print(f"encoder {store.weights_sha256[:12]}, prompts {store.prompts_sha256[:12]}, in {options.output}", flush=True)
    return 0


def _named(path: Path, ontology: "Ontology") -> "Ontology":
    """Return the concepts that the names in a file stand for, and all above them."""
    from unmixing.semantic.ontology import ancestors, build_ontology
    from unmixing.semantic.prompts import parse_prompts, read_prompts

    named = [found.concept.id for found in parse_prompts(read_prompts(path), ontology)]
    wanted = {one for name in named for one in (name, *ancestors(ontology, name))}
    return build_ontology(concept for name, concept in ontology.concepts.items() if name in wanted)
