/**
 * What names of columns say, in French and English. Data: a phrase a meaning, the longest phrase wins. Words are
 * written as `words.ts` makes them: lower case, no accents, singular, no `de`.
 */
import type { Policy } from '../policy/schema.ts'

/** A category of a policy file. */
export type Category = NonNullable<
  NonNullable<NonNullable<Policy['tables']>[string]['columns']>[string]['category']
>

/** Kinds of types that a meaning can have; a name on a column of another kind means something else. */
export type TypeKind =
  | 'text'
  | 'number'
  | 'date'
  | 'time'
  | 'boolean'
  | 'uuid'
  | 'net'
  | 'json'
  | 'bytes'
  | 'list'
  | 'enum'
  | 'other'

/** What a column can hold. */
export interface Meaning {
  /** Its name: `email`, `birth date`. Methods are chosen by it. */
  name: string
  category: Category
  /** The phrases, apart by commas. */
  phrases: string
  types: readonly TypeKind[]
  /** Only where the table holds people: a `city` of theirs, not one of a list of cities. */
  ofPeople?: boolean
  /** Means it only with something else that speaks for it: a sample, a comment. */
  doubtful?: boolean
}

const TEXT = ['text', 'list'] as const
const WORD = ['text', 'enum', 'number', 'list'] as const
const CODE = ['text', 'number'] as const
const DAY = ['date', 'time', 'text'] as const
const ANY = ['text', 'enum', 'number', 'boolean', 'list', 'json', 'date', 'time', 'bytes'] as const

export const MEANINGS: readonly Meaning[] = [
  // Who somebody is.
  {
    name: 'given name',
    category: 'direct identifier',
    types: TEXT,
    phrases:
      'first name,given name,forename,prenom,fname,middle name,patient given,second prenom,christian name',
  },
  {
    name: 'family name',
    category: 'direct identifier',
    types: TEXT,
    phrases:
      'last name,family name,surname,nom famille,nom naissance,nom usage,nom jeune fille,nom patronymique,nom marital,maiden name,lname,birth name,second name',
  },
  {
    name: 'full name',
    category: 'direct identifier',
    types: TEXT,
    phrases:
      'full name,display name,nom complet,nom prenom,prenom nom,raison nom,contact name,customer name,client name,user nicename,nice name,author name,comment author,auteur,billing name,shipping name,cardholder,card holder,cardholder name,titulaire,titulaire compte,account holder,account owner,signatory,signataire,recipient name,nom destinataire,nom contact,nom client,nom patient,nom facturation,beneficiary name,payee,emergency contact,personne prevenir,personne confiance,sender name,owner name,written by,redige par,author,created by,updated by,modified by,cree par,modifie par,saisi par,valide par,assigned to,handled by,approved by,operator,operateur,changed by,user',
  },
  {
    name: 'name',
    category: 'direct identifier',
    types: TEXT,
    ofPeople: true,
    phrases: 'name,nom,libelle nom',
  },
  {
    name: 'user name',
    category: 'direct identifier',
    types: TEXT,
    phrases:
      'user name,login,login name,user login,identifiant,identifiant connexion,pseudo,pseudonyme,nickname,nick name,screen name,handle,account name',
  },
  {
    name: 'national number',
    category: 'direct identifier',
    types: CODE,
    phrases:
      'nir,ssn,nss,nino,insee,numero insee,num insee,social security,social security number,securite sociale,numero securite sociale,num secu,numero secu,secu,national id,national identifier,national insurance,identity number,id card,identity card,carte identite,cni,passport,passport number,passeport,numero passeport,driver license,driving licence,driving license,permis conduire,numero permis,tax id,tax number,numero fiscal,cpf,tin,carte vitale,ins,health insurance number',
  },
  {
    name: 'account number',
    category: 'direct identifier',
    types: CODE,
    phrases:
      'iban,rib,bank account,bank account number,compte bancaire,numero compte bancaire,bban,account iban',
  },
  {
    name: 'card number',
    category: 'direct identifier',
    types: CODE,
    phrases:
      'card number,credit card,credit card number,cc number,carte bancaire,numero carte,num carte,carte credit,numero carte bancaire,pan,cvv,cvc,cryptogramme,card last 4,last 4,last four',
  },
  {
    name: 'picture',
    category: 'direct identifier',
    types: ['text', 'bytes', 'json'],
    phrases:
      'photo,picture,avatar,avatar url,portrait,signature,profile picture,selfie,image profil,scan identite,photo url,photo identite',
  },
  {
    name: 'vehicle',
    category: 'direct identifier',
    types: TEXT,
    phrases:
      'license plate,licence plate,number plate,plate number,immatriculation,plaque,plaque immatriculation,vin',
  },
  {
    name: 'person number',
    category: 'direct identifier',
    types: CODE,
    phrases:
      'employee number,staff number,matricule,numero adherent,numero patient,patient number,ipp,numero salarie,numero client,customer number,member number,membership number,loyalty number,loyalty card,carte fidelite,numero fidelite,student number,numero etudiant,ine,rpps,adeli',
  },

  // How somebody is reached.
  {
    name: 'email',
    category: 'contact',
    types: ['text', 'list'],
    phrases:
      'email,e mail,mail,mel,courriel,email address,mail address,adresse email,adresse mail,adresse courriel,adresse electronique,adel,contact email,mailto,adresse mel,user email',
  },
  {
    name: 'phone',
    category: 'contact',
    types: ['text', 'number', 'list'],
    phrases:
      'phone,telephone,tel,mobile,portable,gsm,cell,cell phone,cellphone,fixe,tel fixe,tel portable,phone number,numero telephone,num tel,fax,telecopie,whatsapp,msisdn,mobile number,sms number,landline',
  },
  {
    name: 'street',
    category: 'contact',
    types: ['text', 'json', 'list'],
    phrases:
      'address,adresse,addr,adr,street,rue,voie,numero voie,nom voie,address line,street address,adresse postale,postal address,mailing address,address 1,address 2,address 3,adresse 1,adresse 2,complement adresse,home address,adresse domicile,domicile,lieu dit,house number,building,batiment,escalier,apartment,shipping address,billing address,adresse livraison,adresse facturation,name address,shipped to,ship to,ship address',
  },
  {
    name: 'position',
    category: 'contact',
    types: ['number', 'other', 'text'],
    ofPeople: true,
    phrases:
      'latitude,longitude,lat,lng,lon,long,geo point,geolocation,geolocalisation,gps,gps position,coordinate,geom,geo location',
  },
  {
    name: 'web presence',
    category: 'contact',
    types: TEXT,
    ofPeople: true,
    phrases:
      'twitter,facebook,linkedin,instagram,skype,website,site web,user url,homepage,personal url,mastodon,telegram,discord,url profil,comment author url,author url',
  },

  // What tells somebody apart together with something else.
  {
    name: 'postcode',
    category: 'quasi-identifier',
    types: CODE,
    ofPeople: true,
    phrases: 'postcode,post code,postal code,zip,zip code,code postal,cp,postal,plz,cedex',
  },
  {
    name: 'place',
    category: 'quasi-identifier',
    types: WORD,
    ofPeople: true,
    phrases:
      'city,ville,town,commune,localite,county,region,departement,province,country,pays,country code,code pays,quartier,neighborhood,neighbourhood,location,arrondissement,locality,code insee,insee commune,code commune,country name',
  },
  { name: 'state', category: 'quasi-identifier', types: WORD, ofPeople: true, phrases: 'state' },
  {
    name: 'birth date',
    category: 'quasi-identifier',
    types: ['date', 'time', 'text', 'number'],
    phrases:
      'birth,birth date,birthday,date birth,dob,birth day,naissance,date naissance,ddn,dt naissance,date nais,dt nais,date naiss,dt naiss,naiss,ne le,anniversaire,birth year,annee naissance,year birth,born,born on,age,age year',
  },
  {
    name: 'birth place',
    category: 'quasi-identifier',
    types: WORD,
    phrases:
      'birth place,birthplace,place birth,lieu naissance,ville naissance,commune naissance,birth city,birth country,pays naissance,departement naissance',
  },
  {
    name: 'death date',
    category: 'quasi-identifier',
    types: ['date', 'time', 'text', 'boolean'],
    phrases: 'death date,date death,deceased,deceased at,date deces,deces,died on,decede',
  },
  {
    name: 'gender',
    category: 'quasi-identifier',
    types: [...WORD, 'boolean'],
    phrases: 'gender,sex,sexe,genre,civilite,civility,salutation,honorific,name prefix,pronoun,mr mrs',
  },
  {
    name: 'nationality',
    category: 'quasi-identifier',
    types: WORD,
    phrases: 'nationality,nationalite,citizenship,citoyennete',
  },
  {
    name: 'household',
    category: 'quasi-identifier',
    types: ANY,
    phrases:
      'marital status,marital,situation familiale,etat civil,civil status,nombre enfant,nb enfant,child count,children count,number child,household,foyer,household size,conjoint,spouse',
  },
  {
    name: 'work',
    category: 'quasi-identifier',
    types: WORD,
    ofPeople: true,
    phrases:
      'job,job title,occupation,profession,metier,poste,fonction,position title,employer,employeur,company,company name,societe,entreprise,organisation name,organization name,csp,department name,service affectation,title,qualification',
  },
  {
    name: 'company number',
    category: 'quasi-identifier',
    types: CODE,
    ofPeople: true,
    phrases:
      'siret,siren,vat number,vat,vat id,numero tva,tva intra,tva intracommunautaire,company registration,rcs',
  },
  {
    name: 'income',
    category: 'quasi-identifier',
    types: ['number', 'text', 'enum'],
    ofPeople: true,
    phrases:
      'salary,salaire,income,revenu,revenu annuel,wage,net pay,gross pay,salaire net,salaire brut,net payer,quotient familial,credit score,score,solde,balance,spent,spent total,total spent,lifetime value,ltv,loyalty point,point fidelite,remuneration',
  },
  {
    name: 'education',
    category: 'quasi-identifier',
    types: WORD,
    ofPeople: true,
    phrases: 'education,diploma,diplome,degree,niveau etude,school name,etablissement scolaire',
  },
  {
    name: 'date of life',
    category: 'quasi-identifier',
    types: DAY,
    ofPeople: true,
    phrases:
      'hire date,hired on,hired at,date embauche,date entree,wedding date,date mariage,arrival date,date anciennete',
  },
  {
    name: 'language',
    category: 'quasi-identifier',
    types: ['text', 'enum'],
    ofPeople: true,
    doubtful: true,
    phrases: 'language,langue,locale,lang',
  },
  {
    name: 'bank',
    category: 'quasi-identifier',
    types: TEXT,
    ofPeople: true,
    phrases: 'bic,swift,bank name,nom banque,code banque,card brand',
  },

  // What Article 9 protects, and Article 10.
  {
    name: 'health',
    category: 'special category',
    types: ANY,
    phrases:
      'health,sante,medical,diagnosis,diagnose,diagnostic,pathologie,maladie,disease,illness,allergy,allergie,medication,medicament,traitement medical,blood type,blood group,groupe sanguin,handicap,disability,handicape,taux invalidite,invalidite,pregnant,pregnancy,grossesse,enceinte,symptom,symptome,posologie,vaccine,vaccin,vaccination,bmi,imc,body weight,tension arterielle,blood pressure,fumeur,antecedent,icd code,cim 10,code cim,rqth,arret maladie,sick leave,resultat analyse,lab result,psychiatric,anamnese,regime alimentaire',
  },
  {
    name: 'health',
    category: 'special category',
    types: ANY,
    ofPeople: true,
    phrases:
      'prescription,ordonnance,poids,poids kg,taille cm,taille,height,weight,height cm,weight kg,smoker,tabac,addiction,chirurgie,surgery,icd,mutuelle,medecin traitant,compte rendu,treatment,dosage',
  },
  {
    name: 'belief',
    category: 'special category',
    types: ANY,
    phrases:
      'religion,religious,confession,faith,belief,croyance,culte,diet,dietary requirement,political,politique,opinion politique,political party,political opinion,trade union,union member,syndicat,syndique,appartenance syndicale,philosophical',
  },
  {
    name: 'origin',
    category: 'special category',
    types: ANY,
    phrases: 'ethnicity,ethnic,ethnie,ethnic origin,race,racial,origine ethnique,origine raciale',
  },
  {
    name: 'sex life',
    category: 'special category',
    types: ANY,
    phrases: 'sexual orientation,orientation sexuelle,sexual,vie sexuelle',
  },
  {
    name: 'body',
    category: 'special category',
    types: ANY,
    phrases:
      'biometric,biometrie,biometrique,empreinte,empreinte digitale,iris,face embedding,face encoding,genetic,genetique,dna,adn,genome',
  },
  {
    name: 'offence',
    category: 'special category',
    types: ANY,
    phrases: 'criminal,criminal record,casier judiciaire,conviction,condamnation,infraction',
  },

  // What somebody said, or what was said of them.
  {
    name: 'free text',
    category: 'content',
    types: ['text', 'json', 'list'],
    ofPeople: true,
    phrases:
      'note,comment,commentaire,message,body,remark,remarque,observation,text,texte,content,contenu,corps,feedback,bio,biography,biographie,about,about me,memo,transcript,excerpt,gift message,internal note,note interne,answer,reponse,review,avis,motif,reason,raison,subject,objet,sujet,description,detail,motivation,lettre motivation,cover letter,cv,resume,customer note,instruction,consigne,question,annotation,temoignage,testimonial,post content,appreciation,bilan,conclusion,search query,query string,recherche',
  },
  {
    name: 'document',
    category: 'content',
    types: ['json', 'text', 'bytes'],
    ofPeople: true,
    phrases:
      'profile,profil,preference,metadata,meta,custom field,attribute,extra,payload,properties,property,survey,survey answer,form data,donnees,raw,request body,response body,snapshot,old value,new value,meta value,attachment,piece jointe,document,fichier',
  },

  // What devices and accounts leave behind.
  {
    name: 'ip address',
    category: 'technical',
    types: ['text', 'net', 'number'],
    phrases:
      'ip,ip address,adresse ip,ipaddr,remote addr,remote address,remote ip,client ip,last ip,proof ip,author ip,comment author ip,x forwarded for,ipv 4,ipv 6,host ip',
  },
  {
    name: 'user agent',
    category: 'technical',
    types: TEXT,
    phrases: 'user agent,useragent,browser,navigateur,http user agent,agent,comment agent',
  },
  {
    name: 'mac address',
    category: 'technical',
    types: ['text', 'net'],
    phrases: 'mac,mac address,adresse mac',
  },
  {
    name: 'secret',
    category: 'technical',
    types: ['text', 'bytes', 'list', 'number'],
    phrases:
      'password,passwd,pwd,mot passe,mdp,pass,user pass,password hash,passphrase,hashed password,encrypted password,password digest,salt,secret,otp secret,totp secret,totp,two factor secret,api key,token,access token,refresh token,reset token,remember token,session token,reset password token,confirmation token,activation key,user activation key,jeton,cle api,pin,pin code,rp token,security answer,question secrete',
  },
  {
    name: 'tracker',
    category: 'technical',
    types: ['text', 'uuid', 'number'],
    phrases:
      'sid,cookie,cookie id,tracking id,tracker id,visitor id,device id,session id,session key,client uuid,advertising id,idfa,gaid,imei,imsi,push token,fingerprint,browser fingerprint,ga id,fbclid,gclid,visitor token,visit token,anonymous id,device token,appareil',
  },
  {
    name: 'reference',
    category: 'technical',
    types: ['text', 'number', 'uuid'],
    ofPeople: true,
    phrases:
      'reference,ref,external id,external reference,external ref,crm reference,crm id,legacy id,old id,ancien id,stripe id,stripe customer,stripe customer id,customer ref,provider id,provider uid,oauth uid,uid,sub,oidc sub,facebook id,google id,increment id,order number,invoice number,numero facture,numero commande,number,numero,num,numero dossier,file number,transaction id,payment id,code client,referer,referrer,referring url,url origine,landing page',
  },

  // Names of things, and other phrases that only sound like people.
  {
    name: 'thing',
    category: 'not personal',
    types: ['text', 'number', 'enum', 'boolean', 'list', 'json', 'bytes'],
    phrases:
      'file name,filename,nom fichier,host name,hostname,domain name,product name,nom produit,plan name,template name,template,table name,column name,field name,class name,role name,tag name,event name,option name,brand,brand name,category name,meta key,key name,time zone,timezone,fuseau horaire,currency,devise,price,prix,amount,montant,tax,tva rate,quantity,quantite,sku,slug,color,couleur,theme,version,title slug,post title,post name,line number,numero ligne,num ligne,no ligne,app name,job name,queue name,index name,alt text,icon,unit,unite,layout,locale code,product description,wording,libelle,label,intitule,payment method,shipping method,controller name,method name,permission,role,groupe,statut,status,type,kind,etat',
  },
]

/** Last words that turn a name into something about it: `email_status`, `phone_type`, `address_count`. */
export const ABOUT_LAST = new Set([
  'type',
  'status',
  'count',
  'nb',
  'template',
  'format',
  'verified',
  'confirmed',
  'sent',
  'optin',
  'enabled',
  'flag',
  'kind',
  'mode',
  'provider',
  'server',
  'valid',
  'required',
  'visible',
  'notification',
  'notifications',
  'enabled',
  'size',
  'length',
  'order',
  'rank',
  'total',
  'attempts',
  'frequency',
  'version',
  'category',
  'class',
  'color',
  'level',
])

/** First words that do the same, in French mostly. */
export const ABOUT_FIRST = new Set([
  'type',
  'statut',
  'nb',
  'nombre',
  'mode',
  'is',
  'has',
  'est',
  'flag',
  'count',
  'categorie',
  'can',
  'allow',
  'show',
  'format',
  'etat',
])

/** Words that say a column is a key or a reference: `customer_id`, `id_client`. */
export const KEY_WORDS = new Set(['id', 'uuid', 'guid', 'pk', 'fk', 'oid', 'key'])
