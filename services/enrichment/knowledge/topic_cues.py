"""Words that make a narrower Media Topic sure: second level, written by us for precision.

Each code's cues are separated by ``|``; a cue is one word or several in a row, without plural s.
Words that often mean something else ("strike", "party", "goal", "bank") stand only in longer cues.
"""

from __future__ import annotations

CUES: dict[str, str] = {
    # 01 arts, culture, entertainment and media
    "20000002": "film festival|box office|album|singer|concert|orchestra|opera|ballet|novelist|"
    "novel|film director|actress|actor|movie|musician|painter|sculptor|sculpture|exhibition|"
    "art gallery|theater|theatre|playwright|composer|tv series|sitcom|soundtrack|songwriter|"
    "film premiere|screenwriter|choreographer|rapper|stage play|literary prize|poet",
    "20000038": "museum|cultural heritage|heritage site|monument|endangered language|folklore|"
    "archive|national library|world heritage|carnival|cultural festival",
    "20000045": "newspaper|broadcaster|journalism|tv channel|television network|news agency|"
    "magazine|podcast|streaming service|press freedom|newsroom|radio station|public broadcaster",
    # 02 crime, law and justice
    "20000082": "murder|manslaughter|homicide|robbery|burglary|kidnapping|kidnapped|"
    "drug trafficking|"
    "human trafficking|stabbing|stabbed|rape|raped|fraud|embezzlement|money laundering|smuggling|"
    "arson|extortion|mass shooting|gunman|bribery|cybercrime|hostage|serial killer|theft|thief|"
    "sexual assault|drug cartel|organized crime|shoplifting|counterfeit",
    "20000106": "court|trial|jury|verdict|supreme court|prosecutor|plead guilty|pleaded guilty|"
    "sentenced|appeal court|acquitted|convicted|courtroom|defendant|plaintiff|lawsuit|high court|"
    "judge ruled|indicted|indictment|testified",
    "20000121": "constitutional amendment|criminal code|international law|new legislation|"
    "law come into force|civil law|copyright law",
    "20000129": "police arrested|arrested|manhunt|detective|police officer|police raid|"
    "police investigation|border police|detained by police|law enforcement|arrest warrant",
    # 03 disaster, accident and emergency incident
    "20000139": "plane crash|train crash|car crash|bus crash|crashed|derailed|derailment|collision|"
    "capsized|capsize|shipwreck|gas explosion|building collapse|collapsed|gas leak|pileup|"
    "mine accident|mining accident|house fire|factory fire|blaze|stampede|drowned|sank|"
    "helicopter crash|runway accident|chemical spill|firework explosion",
    "20000148": "earthquake|tsunami|volcano|eruption|wildfire|bushfire|landslide|mudslide|"
    "avalanche|"
    "flood|flooding|flash flood|hurricane|typhoon|cyclone|tornado|famine|aftershock|"
    "magnitude quake|quake",
    "20000168": "rescuer|rescue team|search and rescue|evacuated|evacuation|firefighter|"
    "emergency service|rescue worker|relief effort|state of emergency|lifeboat|coastguard",
    # 04 economy, business and finance
    "20000170": "quarterly profit|quarterly earning|net profit|operating profit|revenue|merger|"
    "takeover|acquisition|shareholder|chief executive|initial public offering|bankruptcy|"
    "insolvency|annual profit|profit warning|buyout|hostile bid|joint venture",
    "20000344": "inflation|central bank|interest rate|gross domestic product|recession|gdp|"
    "economic growth|consumer price|trade deficit|budget deficit|public debt|monetary policy|"
    "tariff|federal reserve|economist|exchange rate|unemployment rate|quarter point|basis point",
    "20000385": "stock market|stock exchange|share price|stock index|wall street|bond yield|"
    "oil price|crude oil|brent crude|currency market|nasdaq|dow jone|trading session|gold price|"
    "bitcoin|commodity price|investor",
    # 05 education
    "20000400": "school|classroom|headteacher|kindergarten|university|campus|school board|"
    "secondary school|primary school|high school|boarding school|college",
    "20000412": "curriculum|school subject|lesson plan",
    "20000413": "exam result|school exam|final exam|exam board|standardized test|pisa",
    "20000414": "entrance exam|entrance examination|admission test",
    "20000415": "student|pupil|undergraduate|schoolchildren|student loan|tuition fee",
    "20000416": "teacher|teacher shortage|school teacher|lecturer",
    "20001337": "online lesson|remote learning|distance learning|online class",
    # 06 environment
    "20000418": "climate change|global warming|climate crisis|greenhouse gas|climate summit|"
    "carbon emission|net zero|paris agreement|climate talk|climate activist|rising sea level",
    "20000420": "conservation|conservationist|endangered species|nature reserve|wildlife reserve|"
    "reintroduced|protected species|poaching|rewilding|breeding program|breeding programme",
    "20000424": "pollution|oil spill|smog|toxic waste|microplastic|plastic waste|polluted|"
    "pesticide|sewage|air quality|contaminated water",
    "20000430": "deforestation|groundwater|fishery|rainforest|logging|water shortage|overfishing",
    "20000441": "wildlife|ecosystem|biodiversity|coral reef|habitat|invasive species|bird species",
    # 07 health
    "20000446": "cancer|measle|cholera|malaria|tuberculosis|ebola|covid|coronavirus|diabetes|"
    "influenza|dengue|hiv|alzheimer|dementia|stroke patient|heart disease|virus|outbreak|obesity|"
    "mpox|polio|infection|asthma|depression|bird flu|mental illness",
    "20000461": "hospital ward|hospital|clinic|intensive care|nursing home|maternity ward",
    "20000464": "vaccine|vaccination|surgery|transplant|chemotherapy|clinical trial|antibiotic|"
    "medication|treatment of patient|gene therapy|new drug|painkiller",
    "20000485": "doctor|nurse|surgeon|midwife|paramedic|physician",
    "20001358": "public health|health authority|epidemic|pandemic|lockdown|quarantine|"
    "health emergency|world health organization",
    # 08 human interest
    "20000498": "nobel prize|award winner|won the prize|medal of honor|lifetime achievement award|"
    "academy award|booker prize|pulitzer prize",
    "20000499": "world record|guinness world record|oldest person|oldest living|oldest man|"
    "oldest woman|tallest man|record breaking attempt|world largest collection",
    "20000503": "found alive|lost and found|stuck in|wrong house|message in a bottle|"
    "lottery winner|"
    "lottery jackpot|long lost|reunited",
    "20000504": "royal wedding|duchess|royal baby|royal family|socialite|aristocrat",
    "20000505": "celebrity|paparazzi|reality star|influencer|pop star|hollywood couple",
    "20001237": "golden wedding|wedding anniversary|centenary|100th anniversary",
    "20001238": "birthday|100th birthday|turned 100",
    # 09 labour
    "20000509": "job cut|layoff|redundancy|laid off|hiring|recruitment|job loss|minimum wage|"
    "remote working|four day week|working condition|new job|wage|salary",
    "20000521": "labor law|labour law|employment law|employment tribunal|unfair dismissal",
    "20000523": "labor market|labour market|labor shortage|labour shortage|skill shortage",
    "20000524": "industrial action|walkout|picket line|picket|general strike|collective bargaining|"
    "pay dispute|pay talk|on strike|strike action|strike ballot|wage talk|lockout of worker",
    "20000531": "retirement age|pension age|pension reform|retiree|early retirement",
    "20000533": "unemployment|jobless|unemployed|joblessness",
    "20000536": "trade union|labor union|labour union|union leader|union member|unionize|"
    "unionise|union representative|teamster",
    # 10 lifestyle and leisure
    "20000538": "tourist|tourism|hiking|holidaymaker|board game|video game|gardening|camping|"
    "hobby|casino|angler|theme park|vacation|backpacker|knitting",
    "20000565": "recipe|chef|restaurant|cuisine|fashion|wedding dress|interior design|cocktail|"
    "home decor|wardrobe|oven|baking|kitchen",
    "20001339": "yoga|meditation|mindfulness|wellness|self care|healthy eating|fitness routine",
    # 11 politics
    "20000574": "candidate|recount|turnout|mayoral|election|ballot|polling station|"
    "referendum|voter|election campaign|runoff|"
    "opinion poll|exit poll|electoral|landslide victory|presidential candidate|primaries",
    "20000587": "human right|freedom of speech|freedom of expression|freedom of assembly|"
    "civil right|political prisoner|privacy right|freedom of the press",
    "20000593": "prime minister|cabinet reshuffle|parliament|senate|congress|lawmaker|"
    "coalition government|legislature|house of representative|cabinet|lower house|mayor|"
    "house of common|bundestag|knesset",
    "20000621": "immigration policy|budget plan|economic policy|defense policy|tax reform|"
    "energy policy|government plan|health policy|housing policy|subsidy scheme",
    "20000638": "foreign secretary|diplomacy|strategic partnership|close tie|closer tie|"
    "foreign policy|strengthen tie|partnership agreement|foreign minister|diplomat|"
    "diplomatic|ambassador|bilateral|sanction|embassy|treaty|relation with|relation between|"
    "relationship between|close ally|ally of|tie with|international cooperation|peace proposal|"
    "summit|foreign ministry|united nation|secretary of state|nato|state visit|"
    "european union|trade agreement|bilateral relation|consulate|united nation security council",
    "20000646": "non governmental organization|amnesty international|human right watch|greenpeace",
    "20000647": "political crisis|vote of no confidence|no confidence vote|impeachment|"
    "government collapsed|constitutional crisis",
    "20000648": "dissident|opposition leader jailed|political exile|anti government protest",
    "20000649": "opposition party|ruling party|party leader|party congress|political party|"
    "lobbyist|party conference|leadership contest",
    # 12 religion
    "20000657": "catholic|christianity|islam|judaism|buddhism|hinduism|anglican|orthodox church|"
    "protestant|evangelical|sikh|catholic church|church|muslim|baptist|lutheran",
    "20000688": "sectarian violence|religious violence|religious conflict|interreligious",
    "20000690": "ramadan|easter|christma|hanukkah|diwali|passover|eid al fitr|eid al adha|"
    "yom kippur|good friday",
    "20000696": "baptism|pilgrimage|canonization|beatification|holy communion|hajj|"
    "mass said|prayer",
    "20000697": "cathedral|mosque|synagogue|monastery|temple|shrine|basilica",
    "20000703": "pope|bishop|archbishop|cardinal|imam|rabbi|dalai lama|priest|patriarch|vicar|"
    "chief rabbi|ayatollah|pastor",
    "20000705": "bible|quran|koran|torah|scripture",
    # 13 science and technology
    "20000710": "gene editing|stem cell|biotechnology|genome|genetic|crispr|dna",
    "20000715": "mathematician|theorem|prime number|mathematical proof|geometry",
    "20000717": "astronomer|telescope|physicist|asteroid|exoplanet|galaxy|black hole|particle|"
    "geologist|fossil|paleontologist|palaeontologist|biologist|chemist|comet|planet|solar system|"
    "spacecraft|rover|orbit|dinosaur",
    "20000735": "researcher|scientist|peer reviewed|laboratory|published in nature|new study|"
    "research team|scientific journal",
    "20000742": "archaeologist|archeologist|anthropologist|sociologist|psychologist|excavation|"
    "linguist|historian",
    "20000756": "artificial intelligence|software|smartphone|robot|chipmaker|semiconductor|"
    "engineer|quantum computer|cybersecurity|machine learning|startup|app store|data center|"
    "algorithm|"
    "satellite|rocket|self driving|chatbot|operating system",
    # 14 society
    "20000768": "neighborhood|neighbourhood|indigenous community|indigenous people|village life|"
    "local community",
    "20000770": "census|birth rate|population growth|aging population|ageing population|"
    "demographic|life expectancy|population decline",
    "20000771": "immigrant|immigration|asylum seeker|refugee|migrant|undocumented|deportation",
    "20000772": "emigrant|emigration|brain drain",
    "20000775": "discrimination|racism|racist|sexism|antisemitism|islamophobia|homophobia|"
    "segregation|xenophobia|racial profiling",
    "20000780": "marriage|divorce|adoption|same sex marriage|parenthood|childcare|family life|"
    "single parent|parenting|household",
    "20000788": "senior citizen|elderly people|older people|teenager|young people|transgender|"
    "disabled people|generation gap",
    "20000799": "poverty|social inequality|inequality|living standard|cost of living",
    "20000802": "homelessness|homeless|domestic violence|drug addiction|child abuse|"
    "food insecurity|slavery|child labor|alcoholism",
    "20000808": "abortion|euthanasia|assisted dying|assisted suicide|ethical debate|moral",
    "20000817": "welfare|social security|food bank|charity|child benefit|social worker|"
    "disability benefit|food stamp",
    "20001373": "diversity program|diversity programme|gender equality|equal pay|inclusion",
    # 15 sport
    "20000822": "football|soccer|tennis|cricket|rugby|basketball|baseball|golf|ice hockey|"
    "athletic|boxing|swimming|cycling|formula one|grand prix|skier|marathon|wicket|touchdown|"
    "striker|goalkeeper|quarterback|midfielder|innings|inning|penalty kick|home run|gymnastic|"
    "halfback|defender|header|hat trick|cyclist|jockey",
    "20001103": "suspended for match|red card ban|match ban|fined by the league",
    "20001104": "doping|anti doping|performance enhancing|banned steroid",
    "20001108": "world cup|olympic|olympic game|championship|champions league|semi final|"
    "semifinal|quarterfinal|quarter final|grand slam|super bowl|playoff|tournament|cup final|"
    "the final|world championship|tour de france|wimbledon",
    "20001125": "fifa|uefa|international olympic committee|sport federation|football association",
    "20001126": "new stadium|sport arena|stadium construction",
    "20001148": "transfer fee|transfer window|signed for|contract extension|loan deal|free agent",
    "20001301": "gold medal|silver medal|bronze medal|olympic record|personal best",
    "20001323": "head coach|new manager|sacked manager|interim coach",
    # 16 conflict, war and peace
    "20000053": "suicide bomber|suicide bombing|terrorist|terror attack|car bomb|terrorism|"
    "islamic state|al qaeda|boko haram|al shabaab|bomb attack",
    "20000056": "war in|military operation|invaded|ground force|airstrike|shelling|"
    "artillery|missile strike|drone strike|front line|invasion|"
    "troop|rebel|militia|soldier killed|offensive|insurgent|warplane|ground offensive|"
    "air strike|civil war|battlefield|militant|rocket fire|frontline|"
    "war against|war on ukraine|ceasefire|cease fire|hostilities|lethal aid|armed force",
    "20000065": "riot|rioter|protester|tear gas|demonstrator|looting|water cannon|mass protest|"
    "barricade|civil unrest",
    "20000070": "coup|coup attempt|junta|military takeover|mutiny|putsch",
    "20000071": "massacre|genocide|mass grave|mass killing|ethnic cleansing",
    "20000073": "peace plan|peace initiative|peace proposal|peace negotiation|ceasefire|"
    "peace talk|truce|peace agreement|peacekeeper|peace deal|peace process|"
    "armistice|peace accord|disarmament",
    "20000077": "post war reconstruction|demining|land mine clearance|rebuilding after the war",
    "20000080": "prisoner of war|prisoner swap|prisoner exchange",
    "20001361": "cyber attack|cyberattack|state hacker|cyber warfare",
    # 17 weather
    "20001128": "forecast|forecaster|weather service|meteorologist|weather forecast|"
    "weather office|weather bureau",
    "20001129": "snow|rain|thunderstorm|heat wave|heatwave|blizzard|cold snap|tropical storm|"
    "snowfall|rainfall|hailstorm|drought|monsoon|winter storm|gale|hurricane|typhoon|cyclone|"
    "tornado|fog|heavy rain",
    "20001130": "record temperature|hottest day|coldest night|record rainfall|hottest year|"
    "warmest month|highest temperature|lowest temperature|wettest month",
    "20001131": "weather warning|storm warning|red alert|amber warning|hurricane warning|"
    "flood warning|highest warning|tornado warning|yellow warning",
}
"""Cues by code (without ``medtop:``)."""
