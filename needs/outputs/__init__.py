"""Write an assessment's tables, maps, workbook and provenance: all or nothing, the same bytes for the same inputs."""

from __future__ import annotations

from needs.outputs import open_referral as open_referral
from needs.outputs.committee import committee as committee
from needs.outputs.dictionary import documented as documented
from needs.outputs.geojson import geojson_writer as geojson_writer
from needs.outputs.geopackage import geopackage_writer as geopackage_writer
from needs.outputs.origin import Origin as Origin
from needs.outputs.register import site_register as site_register
from needs.outputs.styles import with_symbols as with_symbols
from needs.outputs.tables import csv_writer as csv_writer
from needs.outputs.tables import parquet_writer as parquet_writer
from needs.outputs.workbook import workbook_writer as workbook_writer
from needs.outputs.writing import as_json as as_json
from needs.outputs.writing import file_to_be as file_to_be
from needs.outputs.writing import folder_to_be as folder_to_be
from needs.outputs.writing import refusals as refusals
from needs.outputs.writing import refused as refused
from needs.outputs.writing import text_writer as text_writer
from needs.outputs.writing import tidy as tidy
from needs.outputs.writing import untidy as untidy
from needs.outputs.writing import write_file as write_file
from needs.outputs.writing import write_folder as write_folder
