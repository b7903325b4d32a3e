"""Fetch raw files from their publishers: politely, whole or not at all, each with a twin that says what it is."""

from needs.connectors.bundle import Packed as Packed
from needs.connectors.bundle import pack as pack
from needs.connectors.bundle import unpack as unpack
from needs.connectors.catalogue import sources as sources
from needs.connectors.checking import live as live
from needs.connectors.checking import on_disk as on_disk
from needs.connectors.client import Client as Client
from needs.connectors.providing import changed as changed
from needs.connectors.providing import dated as dated
from needs.connectors.providing import describe_by_hand as describe_by_hand
from needs.connectors.providing import provide as provide
from needs.connectors.providing import unfit as unfit
from needs.connectors.refresh import assessment_before as assessment_before
from needs.connectors.refresh import update as update
