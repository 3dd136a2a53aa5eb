"""Values in a text: dates and amounts of money, found by patterns and normalised.

No library that guesses at dates is used (they take seconds on some lines and drop what they
don't know, silently).  Words that may begin an expression lead to patterns that are tried at
that place alone, each of bounded length, so that the time is linear in the text's length.

``days``      stretches of days: month, quarter, week, decade…, and their ISO forms
``words``     the vocabulary that the patterns are made of
``numbers``   numbers in digits and in words
``tense``     whether a clause looks back or ahead
``reading``   what an expression is before it is known which year or week is meant
``absolute``  expressions with a month, a day or a year in digits
``relative``  expressions counted from the time of publication
``dates``     all of them, in a text
``currencies``, ``money``  amounts
"""
