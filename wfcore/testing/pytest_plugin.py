"""What pytest loads wherever wfcore is installed: fixtures, whose parts are imported when used."""
