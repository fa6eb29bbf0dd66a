"""A mock metagenome whose composition is known, from genomes that Debian's packages bring as examples."""
